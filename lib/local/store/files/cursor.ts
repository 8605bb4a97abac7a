/** A file does not hold what its format says. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

/** Reads numbers and texts one after another, as LevelDB writes them. Errors: `Malformed` beyond the end. */
export class Cursor {
  private at = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get atEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  /** The next `length` bytes. */
  take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.bytes.length) throw new Malformed(`${length} bytes are expected at ${this.at}`);
    const taken = this.bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  fixed32(): number {
    return this.take(4).readUInt32LE();
  }

  /** Sequences and sizes: none comes near 2^53. */
  fixed64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }

  /** Seven bits a byte, the lowest first. */
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      if (scale > Number.MAX_SAFE_INTEGER) throw new Malformed(`no number stands at ${this.at}`);
    }
  }

  /** A text with its length before it. */
  text(): Buffer {
    return this.take(this.varint());
  }
}

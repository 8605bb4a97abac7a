import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { maskedSum } from './crc32c.ts';

/*
 * How many writes were acknowledged, in a file of its own: whatever happens to the database, it must hold that many. It is
 * written after each write without waiting for the disk, so after a power cut it may say less, and never more.
 */

export const ACKNOWLEDGED = 'acknowledged';
const DIGITS = 16;
const SUM_DIGITS = 8;

/** The number that the file holds; undefined where there is none, or it cannot be read: then nothing is known. */
export function readAcknowledged(directory: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, ACKNOWLEDGED), 'utf8');
  } catch {
    return undefined;
  }
  const count = Number(text.slice(0, DIGITS));
  return Number.isSafeInteger(count) && text === written(count) ? count : undefined;
}

export interface Acknowledged {
  note(count: number): void;
  close(): void;
}

/** @example const acknowledged = openAcknowledged('.stepline', 17); */
export function openAcknowledged(directory: string, count: number): Acknowledged {
  // The bytes are replaced in place: what was there before is a number too, at every moment.
  const file = openSync(join(directory, ACKNOWLEDGED), 'a+', 0o600);
  closeSync(file);
  const inPlace = openSync(join(directory, ACKNOWLEDGED), 'r+');
  const note = (counted: number): void => {
    writeSync(inPlace, written(counted), 0, 'latin1');
  };
  note(count);
  return { note, close: () => closeSync(inPlace) };
}

function written(count: number): string {
  const digits = String(count).padStart(DIGITS, '0');
  return `${digits} ${maskedSum(Buffer.from(digits)).toString(16).padStart(SUM_DIGITS, '0')}\n`;
}

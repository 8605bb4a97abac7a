/** First in, first out, in constant time: an array whose front is cut off now and then. */
export interface Fifo<Item> extends Iterable<Item> {
  push(item: Item): void;
  /** Takes the first item; undefined if there is none. */
  shift(): Item | undefined;
  peek(): Item | undefined;
}

/** Cutting moves what is left: not worth it for less. */
const LEAST_CUT = 1_024;

/** @example const fifo = createFifo<Message>(); fifo.push(first); fifo.shift() // first */
export function createFifo<Item extends object>(): Fifo<Item> {
  let items: (Item | undefined)[] = [];
  let head = 0;
  return {
    push: (item) => {
      items.push(item);
    },
    shift: () => {
      const item = items[head];
      if (item === undefined) return undefined;
      items[head] = undefined;
      head += 1;
      if (head === items.length) {
        items.length = 0;
        head = 0;
      } else if (head >= LEAST_CUT && head * 2 >= items.length) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
    peek: () => items[head],
    *[Symbol.iterator]() {
      for (let at = head; at < items.length; at += 1) {
        const item = items[at];
        if (item !== undefined) yield item;
      }
    },
  };
}

/** Something with a time, which knows its place in the schedule so that it can leave at once. `place` is -1 outside. */
export interface Scheduled {
  at: number;
  place: number;
}

/** What happens when, soonest first: a binary heap from which any item can be removed. */
export interface Schedule<Item extends Scheduled> {
  /** The soonest. */
  first(): Item | undefined;
  add(item: Item): void;
  /** Removes an item; one that is not in the schedule is left alone. */
  remove(item: Item): void;
}

/** @example const schedule = createSchedule<{ at: number; place: number }>(); */
export function createSchedule<Item extends Scheduled>(): Schedule<Item> {
  const heap: Item[] = [];
  const put = (item: Item, place: number): void => {
    heap[place] = item;
    item.place = place;
  };
  const rise = (item: Item, from: number): void => {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.at <= item.at) break;
      put(parent, place);
      place = above;
    }
    put(item, place);
  };
  const sink = (item: Item, from: number): void => {
    let place = from;
    for (;;) {
      const left = heap[2 * place + 1];
      const right = heap[2 * place + 2];
      const child = left !== undefined && right !== undefined && right.at < left.at ? right : left;
      if (child === undefined || child.at >= item.at) break;
      const below = child.place;
      put(child, place);
      place = below;
    }
    put(item, place);
  };
  return {
    first: () => heap[0],
    add: (item) => rise(item, heap.length),
    remove: (item) => {
      const { place } = item;
      if (heap[place] !== item) return;
      item.place = -1;
      const last = heap.pop();
      if (last === undefined || last === item) return;
      sink(last, place);
      rise(last, last.place);
    },
  };
}

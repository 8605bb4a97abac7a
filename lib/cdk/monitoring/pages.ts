/**
 * Puts items on pages, in their order. The weights on a page add up to `most` at most; an item that is heavier has a page of its
 * own.
 * @param taken what the first page already carries
 * @example pagesOf([5, 5, 3], (weight) => weight, 10) // [[5, 5], [3]]
 */
export function pagesOf<Item>(
  items: readonly Item[],
  weightOf: (item: Item) => number,
  most: number,
  taken = 0,
): readonly (readonly Item[])[] {
  let page: Item[] = [];
  let weight = taken;
  const pages = [page];
  for (const item of items) {
    if (weight > 0 && weight + weightOf(item) > most) {
      page = [];
      weight = 0;
      pages.push(page);
    }
    page.push(item);
    weight += weightOf(item);
  }
  return pages;
}

/** @example chunksOf(['a', 'b', 'c'], 2) // [['a', 'b'], ['c']] */
export const chunksOf = <Item>(items: readonly Item[], most: number): readonly (readonly Item[])[] =>
  items.length === 0 ? [] : pagesOf(items, () => 1, most);

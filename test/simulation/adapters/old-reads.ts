import * as z from 'zod';
import { KEYS, PACE_KEYS } from '../../../lib/contract/table.ts';
import type { AwsExchange, AwsReply } from './wire.ts';

/** How long a read that does not ask for more may show what was there before a write, in milliseconds. */
const OLD_FOR = 1_000;

const text = z.object({ S: z.string() });
const item = z.looseObject({ [KEYS.partition]: text, [KEYS.sort]: text });
type Item = z.infer<typeof item>;

const put = z.object({ Item: item });
const one = z.object({ Item: item.optional() });
const many = z.object({ Items: z.array(item) });

const keyOf = (of: Item): string => `${of[KEYS.partition]?.S} ${of[KEYS.sort]?.S}`;

/** The pace may be read as it was: whoever finds a turn free writes it on condition of what was read. */
const isPace = (of: Item): boolean => of[KEYS.partition]?.S === PACE_KEYS[KEYS.partition];

/** What eventually consistent reads of the table may show: the emulators always show the newest. */
export interface OldReads {
  wrote(input: AwsExchange['input']): void;
  /** The reply with each item as it was before a write of just now; undefined if there is nothing older to show. */
  older(exchange: AwsExchange, reply: AwsReply): AwsReply | undefined;
}

export function createOldReads(now: () => number): OldReads {
  const items = new Map<
    string,
    { readonly item: Item; readonly before: Item | undefined; readonly at: number }
  >();
  const isNew = (found: Item): boolean => now() - (items.get(keyOf(found))?.at ?? 0) < OLD_FOR;
  const before = (found: Item): Item | undefined => (isNew(found) ? items.get(keyOf(found))?.before : found);
  return {
    wrote: (input) => {
      const { Item: written } = put.parse(input);
      const key = keyOf(written);
      items.set(key, { item: written, before: items.get(key)?.item, at: now() });
    },
    older: ({ operation, input }, reply) => {
      // An index has not all of an item.
      if (input.ConsistentRead === true || input.IndexName !== undefined) return;
      if (operation === 'GetItem') {
        const { Item: found } = one.parse(reply.output);
        if (found !== undefined && isNew(found)) return { ...reply, output: { Item: before(found) } };
      }
      if (operation === 'Query') {
        const { Items } = many.parse(reply.output);
        const old = Items.flatMap((found) => before(found) ?? []);
        if (Items.some((found) => isNew(found) && !isPace(found)))
          return { ...reply, output: { ...reply.output, Items: old } };
      }
      return;
    },
  };
}

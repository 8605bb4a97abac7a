import type { Json } from '../json.ts';
import { RequestBody } from './body.ts';
import { isPlaceholder } from './placeholder.ts';
import { named, scalarText } from './scalar.ts';

/** How a list is written: `items[0]=a`, `items=a`, or `items[]=a`. */
const ARRAYS = ['indices', 'repeat', 'brackets'] as const;
export type FormArrays = (typeof ARRAYS)[number];

const TYPE = 'application/x-www-form-urlencoded';

/**
 * A body of the type `application/x-www-form-urlencoded`. Objects nest as Stripe and PHP read them: `metadata[order]=7`. Booleans
 * are text; `null` and `undefined` are left out, in lists too, so that indices have no gaps.
 * `arrays`: how lists are written; default `indices`. A list that holds lists or objects needs `indices`.
 * Errors: `TypeError` for what a form cannot hold, such as a date, with its name. In a workflow that is `REQUEST_INVALID`.
 * @example
 * stripe.post('/charges', form({ amount: 500, metadata: { order: 7 }, items: [{ price: 'p1' }] }))
 * // amount=500&metadata[order]=7&items[0][price]=p1, with brackets percent-encoded
 */
export function form<Value extends object>(
  value: Value & NoInfer<Json<Value>>,
  options: { readonly arrays?: FormArrays } = {},
): RequestBody {
  const { arrays = 'indices' } = options;
  if (!ARRAYS.includes(arrays)) {
    throw new TypeError(`form: arrays is "${arrays}"; write 'indices', 'repeat' or 'brackets'`);
  }
  if (!isPlaceholder(value) && (typeof value !== 'object' || value === null || Array.isArray(value))) {
    throw new TypeError(`form: its value is ${named(value)}, not an object such as { amount: 500 }`);
  }
  const content = new URLSearchParams([...fieldsOf(value, '', arrays)]).toString();
  return new RequestBody({
    kind: 'a form',
    agrees: (essence) => essence === TYPE,
    encode: () => ({ contentType: TYPE, content }),
  });
}

type Field = [name: string, value: string];

function* fieldsOf(value: unknown, name: string, arrays: FormArrays): Generator<Field> {
  if (value === null || value === undefined) return;
  const text = scalarText(value);
  if (text !== undefined) yield [name, text];
  else if (Array.isArray(value)) yield* itemsOf(value, name, arrays);
  else {
    if (!isPlain(value))
      throw new TypeError(`form: ${name === '' ? 'its value' : `"${name}"`} ${refusal(value)}`);
    for (const [key, one] of Object.entries(value)) {
      yield* fieldsOf(one, name === '' ? key : `${name}[${key}]`, arrays);
    }
  }
}

function* itemsOf(list: readonly unknown[], name: string, arrays: FormArrays): Generator<Field> {
  const items = list.filter((item) => item !== null && item !== undefined);
  for (const [index, item] of items.entries()) {
    if (arrays !== 'indices' && scalarText(item) === undefined) {
      throw new TypeError(
        `form: "${name}" holds ${named(item)}, whose fields only arrays: 'indices' keeps together`,
      );
    }
    yield* fieldsOf(
      item,
      { indices: `${name}[${index}]`, repeat: name, brackets: `${name}[]` }[arrays],
      arrays,
    );
  }
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function refusal(value: unknown): string {
  if (value instanceof Date) return 'is a date; write .toISOString() behind it';
  return typeof value === 'object'
    ? 'is no plain object; write its fields out, as in { amount: 500 }'
    : `is ${named(value)}, not text, a number, a boolean, a list or an object`;
}

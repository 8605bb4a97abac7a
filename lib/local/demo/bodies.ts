import { HttpRefusal, parseJson } from './http.ts';

/**
 * What a body says, by its content type. JSON is what it is; a form and a multipart body are an object of their fields, nested as
 * PHP reads their names; any other text is text. Null for no body.
 * Errors: `HttpRefusal` 400 for a body that its content type does not describe.
 * @example await readBody('application/x-www-form-urlencoded', 'amount=5&items[0][price]=p1')
 * // { amount: '5', items: [{ price: 'p1' }] }
 */
export async function readBody(contentType: string, text: string): Promise<unknown> {
  if (text === '') return null;
  const [type = ''] = contentType.toLowerCase().split(/[; ]/);
  if (type === '' || /[/+.-]json\b/.test(type)) return parseJson(text);
  if (type === 'multipart/form-data') return nested(await partsOf(contentType, text));
  // curl says of whatever it sends that it is a form, and fetch that it is text.
  const json = jsonWithin(text);
  if (json !== undefined) return json;
  return type === 'application/x-www-form-urlencoded' ? nested(new URLSearchParams(text)) : text;
}

function jsonWithin(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Field = readonly [name: string, value: unknown];

async function partsOf(contentType: string, text: string): Promise<readonly Field[]> {
  const fields: Field[] = [];
  try {
    const body = await new Response(text, { headers: { 'content-type': contentType } }).formData();
    for (const [name, value] of body) {
      const file = typeof value === 'string' ? undefined : value;
      fields.push([
        name,
        file === undefined
          ? value
          : { filename: file.name, contentType: file.type, content: await file.text() },
      ]);
    }
  } catch {
    throw new HttpRefusal(400, 'the body is not multipart/form-data');
  }
  return fields;
}

/** Fields by the parts of their names; at the end of a name the values that were given under it. */
type Tree = Map<string, Tree | unknown[]>;

function nested(fields: Iterable<Field>): unknown {
  const root: Tree = new Map();
  for (const [name, value] of fields) put(root, partsOfName(name), value);
  return Object.fromEntries([...root].map(([name, one]) => [name, plain(one)]));
}

/** @example partsOfName('items[0][price]') // ['items', '0', 'price'] */
function partsOfName(name: string): readonly string[] {
  const [, first, brackets = ''] = /^([^[]+)((?:\[[^\]]*\])*)$/.exec(name) ?? [];
  return first === undefined
    ? [name]
    : [first, ...Array.from(brackets.matchAll(/\[([^\]]*)\]/g), ([, part = '']) => part)];
}

function put(tree: Tree, [part = '', ...rest]: readonly string[], value: unknown): void {
  const key = part === '' && tree.size > 0 ? String(tree.size) : part || '0';
  const found = tree.get(key);
  if (rest.length === 0) tree.set(key, [...(Array.isArray(found) ? found : []), value]);
  else {
    const within: Tree = found instanceof Map ? found : new Map();
    tree.set(key, within);
    put(within, rest, value);
  }
}

/** A tree whose names count from 0 is a list. */
function plain(tree: Tree | unknown[]): unknown {
  if (Array.isArray(tree)) return tree.length === 1 ? tree[0] : tree;
  const entries = [...tree].map(([name, one]): [string, unknown] => [name, plain(one)]);
  return entries.every(([name], index) => name === String(index))
    ? entries.map(([, one]) => one)
    : Object.fromEntries(entries);
}

#!/usr/bin/env bash
# Library: zod 4.6.7 (npm), z.toJSONSchema.
# A pattern of JSON Schema has no flags. One would guess that a regular expression with the flag `i` is refused as unrepresentable, as a
# transform is, or is written out without the flag's help ([a-fA-F]).
# Seen: the flag is dropped without a word, so the published schema refuses texts that the schema itself takes. `z.toJSONSchema` throws for
# a transform under the same options.
# Seen on Node 20.20: `zod takes ABC: true`, `the JSON Schema has the pattern ^[a-f]+$, which takes ABC: false`, `a transform: throws`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' > package.json
npm install --silent --no-audit --no-fund --save-exact zod@4.6.7
cat > seen.js <<'JS'
import * as z from 'zod';

const schema = z.string().regex(/^[a-f]+$/i);
const { pattern } = z.toJSONSchema(schema, { unrepresentable: 'throw' });
console.log(`zod takes ABC: ${schema.safeParse('ABC').success}`);
console.log(`the JSON Schema has the pattern ${pattern}, which takes ABC: ${new RegExp(pattern).test('ABC')}`);
try {
  z.toJSONSchema(z.string().transform((text) => text.length), { unrepresentable: 'throw' });
  console.log('a transform: passes');
} catch {
  console.log('a transform: throws');
}
JS
seen=$(node seen.js)
echo "$seen"
[ "$seen" = 'zod takes ABC: true
the JSON Schema has the pattern ^[a-f]+$, which takes ABC: false
a transform: throws' ]

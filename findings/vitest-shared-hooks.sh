#!/usr/bin/env bash
# Tool: vitest 4.1.12 (npm).
# A helper module registers `afterEach` when it is imported, and two test files import it. With `isolate: false`, where files of a
# worker share their modules, one would guess that the hook runs after the tests of both files, as it does with `isolate: true`.
# Seen: it runs for the first file alone. In the second the module is in the cache, so nothing registers the hook again, and nothing says
# so: what its tests open stays open. A hook that a setup file registers runs for each file.
# Seen on Node 20.20: "isolated: helper ran 2 times, setup ran 2 times" and "shared: helper ran 1 times, setup ran 2 times".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' > package.json
npm install --silent --no-audit --no-fund --save-exact vitest@4.1.12

cat > helper.js <<'JS'
import { afterEach } from 'vitest';
afterEach(() => console.log('HOOK OF HELPER'));
export const one = 1;
JS
cat > setup.js <<'JS'
import { afterEach } from 'vitest';
afterEach(() => console.log('HOOK OF SETUP'));
JS
for name in a b; do
  cat > "$name.test.js" <<'JS'
import { expect, it } from 'vitest';
import { one } from './helper.js';
it('uses the helper', () => expect(one).toBe(1));
JS
done

cat > vitest.config.js <<'JS'
import { defineConfig } from 'vitest/config';
export default defineConfig({
  test: { setupFiles: './setup.js', fileParallelism: false, isolate: process.env.ISOLATE === 'yes' },
});
JS

counted() {
  local out
  out=$(ISOLATE=$1 npx vitest run 2>&1)
  echo "helper ran $(grep -c 'HOOK OF HELPER' <<< "$out") times, setup ran $(grep -c 'HOOK OF SETUP' <<< "$out") times"
}
isolated=$(counted yes)
shared=$(counted no)
echo "isolated: $isolated"
echo "shared: $shared"
[ "$isolated" = 'helper ran 2 times, setup ran 2 times' ]
[ "$shared" = 'helper ran 1 times, setup ran 2 times' ]

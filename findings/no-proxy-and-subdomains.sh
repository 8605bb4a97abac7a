#!/usr/bin/env bash
# Libraries: proxy-from-env 2.1.0 and undici 6.22.0 (npm), which read NO_PROXY for most HTTP clients of Node.
# With curl and wget an entry `example.test` covers the host and all its subdomains, and `.example.test` the same. One would guess that the
# variable, which is set once for a machine, means the same here.
# Seen, in both: `example.test` covers the host alone and `.example.test` the subdomains alone, so both must be written; a network
# (`192.0.2.0/24`) covers nothing. So traffic that was meant to stay inside goes to the proxy, with its headers.
# Seen on Node 20.20, direct or by the proxy, the same for both libraries: see the last lines.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' > package.json
npm install --silent --no-audit --no-fund --save-exact proxy-from-env@2.1.0 undici@6.22.0
cat > seen.js <<'JS'
import { createServer } from 'node:http';
import { getProxyForUrl } from 'proxy-from-env';
import { EnvHttpProxyAgent, fetch } from 'undici';

// Takes requests and tunnels, and answers both at once: names need not exist.
const asked = new Set();
const proxy = createServer((request, response) => {
  asked.add(new URL(request.url).hostname);
  response.end();
}).on('connect', (request, socket) => {
  asked.add(request.url.split(':')[0]);
  socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
});
await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${proxy.address().port}`;
process.env.http_proxy = url;

async function byUndici(noProxy, host) {
  asked.clear();
  const dispatcher = new EnvHttpProxyAgent({ httpProxy: url, noProxy });
  await fetch(`http://${host}/`, { dispatcher, signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  return asked.has(host) ? 'proxy' : 'direct';
}

function byProxyFromEnv(noProxy, host) {
  process.env.no_proxy = noProxy;
  return getProxyForUrl(`http://${host}/`) === '' ? 'direct' : 'proxy';
}

for (const [noProxy, host] of [
  ['example.test', 'example.test'],
  ['example.test', 'a.example.test'],
  ['.example.test', 'example.test'],
  ['.example.test', 'a.example.test'],
  ['192.0.2.0/24', '192.0.2.7'],
]) {
  console.log(`${noProxy} ${host}: ${byProxyFromEnv(noProxy, host)} ${await byUndici(noProxy, host)}`);
}
process.exit(0);
JS
seen=$(node --no-warnings seen.js)
echo "$seen"
[ "$seen" = 'example.test example.test: direct direct
example.test a.example.test: proxy proxy
.example.test example.test: proxy proxy
.example.test a.example.test: direct direct
192.0.2.0/24 192.0.2.7: proxy proxy' ]

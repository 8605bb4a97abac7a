#!/usr/bin/env bash
# Library: https-proxy-agent 9.1.0 (npm), the agent that most HTTP clients of Node reach https hosts through a proxy with.
# A proxy may refuse a tunnel (CONNECT) with 407 or 502. One would guess that the request fails with an error, as the target never heard of it.
# Seen: the request gets a response, as if the target had answered: the proxy's status, headers and body. So code that takes a 4xx for a
# refusal by the target, or a 5xx for a call that the target may have acted on, decides about a call that was never made.
# Seen on Node 20.20: `refused with 407: response 407 "from the proxy"`, the same with 502; no error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' > package.json
npm install --silent --no-audit --no-fund --save-exact https-proxy-agent@9.1.0
cat > seen.js <<'JS'
import { createServer } from 'node:http';
import { get } from 'node:https';
import { text } from 'node:stream/consumers';
import { HttpsProxyAgent } from 'https-proxy-agent';

for (const status of [407, 502]) {
  const proxy = createServer().on('connect', (_request, socket) => {
    socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 14\r\n\r\nfrom the proxy`);
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const agent = new HttpsProxyAgent(`http://127.0.0.1:${proxy.address().port}`);
  const ended = await new Promise((resolve) => {
    get('https://target.test/', { agent, timeout: 5_000 })
      .on('response', async (response) => resolve(`response ${response.statusCode} "${await text(response)}"`))
      .on('error', (error) => resolve(`error ${error.code}`));
  });
  console.log(`refused with ${status}: ${ended}`);
  agent.destroy();
  proxy.close();
}
JS
seen=$(node seen.js)
echo "$seen"
[ "$seen" = 'refused with 407: response 407 "from the proxy"
refused with 502: response 502 "from the proxy"' ]

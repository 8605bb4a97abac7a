#!/usr/bin/env bash
# Library: simple-oauth2 5.1.0 (npm), the client-credentials grant.
# Some authorization servers answer 200 with {"error":"invalid_client"} where a client is refused. One would guess that `getToken` rejects, as an
# answer without `access_token` is no token (RFC 6749, 5.1).
# Seen: it resolves with an access token whose content is the error, and whose `expired()` is false for ever, so code that keeps a token until it
# expires sends `Bearer undefined` until it is started again. With status 400 it rejects.
# Seen on Node 20.20: `200: token {"error":"invalid_client"}, expired false` and `400: rejects`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' > package.json
npm install --silent --no-audit --no-fund --save-exact simple-oauth2@5.1.0
cat > seen.js <<'JS'
import { createServer } from 'node:http';
import { ClientCredentials } from 'simple-oauth2';

for (const status of [200, 400]) {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end('{"error":"invalid_client"}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const tokenHost = `http://127.0.0.1:${server.address().port}`;
  const client = new ClientCredentials({ client: { id: 'id', secret: 'secret' }, auth: { tokenHost } });
  try {
    const made = await client.getToken({});
    console.log(`${status}: token ${JSON.stringify(made.token)}, expired ${made.expired()}`);
  } catch {
    console.log(`${status}: rejects`);
  }
  server.close();
  server.closeAllConnections();
}
JS
seen=$(node seen.js)
echo "$seen"
[ "$seen" = '200: token {"error":"invalid_client"}, expired false
400: rejects' ]

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { FAULT_FIELDS } from './faults.ts';
import { answering, HttpRefusal, pathOf, sendJson } from './http.ts';
import { type DemoServer, readFaults } from './server.ts';

/** One address from which every target is seen and healed, those that are down too. */
export const adminHandler = (servers: readonly DemoServer[]): RequestListener =>
  answering((request, response) => administer(servers, request, response));

async function administer(
  servers: readonly DemoServer[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, what = '', name, ...rest] = pathOf(request).split('/');
  const chosen = name === undefined ? servers : [serverOf(servers, name)];
  const asked = rest.length === 0 ? `${request.method} /${what}` : 'nothing';
  if (asked === 'GET /' && name === undefined) return sendJson(response, 200, overview(servers));
  if (asked === 'PUT /faults' && name !== undefined) {
    const wanted = await readFaults(request);
    for (const server of chosen) await server.setFaults(wanted);
  } else if (asked === 'DELETE /faults') {
    for (const server of chosen) await server.setFaults([]);
  } else if (asked === 'DELETE /ledger') {
    for (const server of chosen) server.ledger.clear();
  } else if (asked !== 'GET /faults' && asked !== 'GET /ledger') {
    throw new HttpRefusal(404, `here are ${WAYS.join(', ')}`);
  }
  sendJson(response, 200, byName(chosen, what === 'faults' ? faultsOf : ledgerOf));
}

const WAYS = [
  'GET /',
  'GET /ledger',
  'DELETE /ledger',
  'GET /faults',
  'DELETE /faults',
  'PUT /faults/{target}',
  'DELETE /faults/{target}',
] as const;

const faultsOf = (server: DemoServer) => server.faults.current;
const ledgerOf = (server: DemoServer) => server.ledger.view();

const byName = (servers: readonly DemoServer[], see: (server: DemoServer) => unknown) =>
  Object.fromEntries(servers.map((server) => [server.name, see(server)]));

const overview = (servers: readonly DemoServer[]) => ({
  routes: WAYS,
  faults: FAULT_FIELDS,
  targets: byName(servers, (server) => ({ url: server.url, faults: server.faults.current })),
});

function serverOf(servers: readonly DemoServer[], name: string): DemoServer {
  const found = servers.find((server) => server.name === name);
  if (found !== undefined) return found;
  throw new HttpRefusal(404, `no target "${name}"; there are ${servers.map((one) => one.name).join(', ')}`);
}

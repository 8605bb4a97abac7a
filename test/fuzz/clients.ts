import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expectDecent, successOf } from './answers.ts';
import type { Coverage } from './coverage.ts';
import { answersIn, type Ending, exchange, type RawAnswer } from './exchange.ts';
import { record } from './values.ts';
import { anyWritten, bytesOf, isProper, type Written } from './wire.ts';
import type { Known } from './world.ts';

/** What one client does on a connection of its own: requests one after the other, whatever the answers are. */
export interface Client {
  readonly requests: readonly Written[];
  readonly ending: Ending;
}
export const anyClient: fc.Arbitrary<Client> = record({
  requests: fc.oneof(
    { weight: 3, arbitrary: fc.array(anyWritten, { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.array(anyWritten, { minLength: 2, maxLength: 5 }) },
  ),
  ending: fc.oneof(
    { weight: 12, arbitrary: fc.constant('hears the server out') },
    { weight: 1, arbitrary: fc.constantFrom('closes its side at once', 'breaks off') },
  ),
});
/** Refusals of Node itself, before there is a request: of these a client hears the status alone. */
const OF_NODE = [400, 408, 417, 431];

/** Holds the answers that a client got to be decent; returns what was started. */
export async function serve(
  known: Known,
  port: number,
  client: Client,
  coverage: Coverage,
): Promise<readonly string[]> {
  const pieces = await Promise.all(client.requests.map((written) => bytesOf(known, port, written)));
  const bytes = Buffer.concat(pieces);
  const sent = bytes.toString('latin1');
  // One that is refused may be the last on its connection: only of a single request it is known what comes back.
  const [first, ...others] = client.requests;
  const proper = first !== undefined && others.length === 0 && isProper(first);
  const received = await exchange(port, bytes, client.ending, proper ? 1 : undefined);
  for (const _ of pieces) coverage.count('requests');
  if (client.ending === 'breaks off') return [];
  const answers = answersIn(received);
  if (proper && client.ending === 'hears the server out')
    assert.equal(answers.length, 1, sent.slice(0, 2_000));
  for (const [at, answer] of answers.entries()) {
    expectAnswer(known, answer, sent);
    coverage.count(`status ${answer.statusCode}`);
    if (answers.length === pieces.length) {
      coverage.count(`${client.requests[at]?.asked.route} ${answer.statusCode}`);
    }
  }
  return answers.flatMap((answer) => {
    const success = answer.body === '' ? undefined : successOf(answer);
    return success?.of === 'start' ? [success.workflowId] : [];
  });
}

function expectAnswer(known: Known, answer: RawAnswer, sent: string): void {
  if (answer.headers['content-type'] === undefined) {
    assert.ok(OF_NODE.includes(answer.statusCode), `${answer.statusCode} after ${sent.slice(0, 2_000)}`);
    assert.equal(answer.body, '');
  } else if (answer.bodiless) assert.match(sent, /HEAD/);
  else expectDecent(known, 0, answer, () => sent);
}

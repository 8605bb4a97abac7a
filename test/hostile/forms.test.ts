import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { chain, form, target } from '../../lib/chain/index.ts';
import { startAnswer, type WorkflowAnswer } from '../../lib/contract/wire.ts';
import { startLocal } from '../../lib/local/process.ts';
import { portOf } from '../adapters/http/raw-server.ts';
import { QUIET, show } from '../local/process-support.ts';
import { CARD } from './engine.ts';

const TYPE = 'application/x-www-form-urlencoded';
const FIELDS = 10_000;

const echo = target('echo');
const chainOf = (read: 'text' | 'json', response: z.ZodType) =>
  chain('large-form', {
    version: 1,
    start: '/api/large-form',
    input: z.strictObject({ card: z.string() }),
    sensitive: ['card'],
  })
    .step('send', {
      request: ({ input }) =>
        echo.post(
          '/form',
          form({
            card: input.card,
            items: Array.from({ length: FIELDS }, (_, at) => (at % 2 === 0 ? at : `ü&=+${at}`)),
          }),
        ),
      ...{ read, response, retries: 0, timeout: 10 },
    })
    .output(({ results }) => ({ result: results.send ?? null }));

/** One workflow whose step sends the form to a server that answers so, or with the form that it got. */
async function sent(read: 'text' | 'json', response: z.ZodType, answer?: string) {
  const bodies: string[] = [];
  const server = createServer(async (request, reply) => {
    bodies.push(await text(request));
    reply.writeHead(200, { 'content-type': TYPE }).end(answer ?? bodies.at(-1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(join(tmpdir(), 'stepline-forms-'));
  const targets = join(folder, 'targets.json');
  writeFileSync(targets, JSON.stringify({ echo: { baseUrl: `http://127.0.0.1:${portOf(server)}` } }));
  const local = await startLocal(
    [chainOf(read, response)],
    { ...QUIET, targets },
    { readable: false, say: () => undefined },
  );
  onTestFinished(async () => {
    await local.stop();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const begun = await fetch(`${local.baseUrl}/api/large-form`, {
    method: 'POST',
    body: JSON.stringify({ card: CARD }),
  });
  const { workflowId } = startAnswer.parse(await begun.json());
  let shown: WorkflowAnswer | undefined;
  await expect
    .poll(
      async () => {
        shown = await show(local.baseUrl, workflowId);
        return shown.status;
      },
      { timeout: 20_000 },
    )
    .not.toBe('processing');
  return { shown, bodies };
}

it('a form of ten thousand fields goes out as it was given', async () => {
  const { shown, bodies } = await sent('text', z.literal('thanks'), 'thanks');
  const [body = ''] = bodies;
  expect(shown).toMatchObject({ status: 'completed', result: 'thanks' });
  const fields = [...new URLSearchParams(body)];
  expect(fields).toHaveLength(FIELDS + 1);
  expect(fields[0]).toEqual(['card', CARD]);
  expect(fields[1]).toEqual(['items[0]', '0']);
  expect(fields.at(-1)).toEqual([`items[${FIELDS - 1}]`, `ü&=+${FIELDS - 1}`]);
});

it('a reply that is such a form is no JSON: the step ends, outcome unknown, and shows no secret', async () => {
  const { shown } = await sent('json', z.unknown());
  expect(shown).toMatchObject({
    status: 'failed',
    error: { code: 'REPLY_INVALID', effect: 'unknown', attempts: 1 },
  });
  expect(shown?.error?.detail).toMatch(
    /^the reply is not JSON; 200 OK; the reply was: card=\*\*\*&items%5B0%5D=0/,
  );
});

it('a reply that is such a form and is to be kept is larger than what is stored, and the step says so', async () => {
  const { shown } = await sent('text', z.string());
  expect(shown).toMatchObject({ status: 'failed', error: { code: 'RESULT_TOO_LARGE', effect: 'unknown' } });
  expect(shown?.error?.detail).toMatch(/has \d+ bytes of JSON; the most is 262144/);
});

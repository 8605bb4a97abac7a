import assert from 'node:assert/strict';
import * as z from 'zod';
import type { ApiAnswer } from '../../functions/http.ts';
import { listAnswer, problem, startAnswer, workflowAnswer } from '../../lib/contract/wire.ts';
import { PROBLEMS } from '../../lib/engine/problems.ts';
import { PLANTED, TENANTS, type World } from './world.ts';

/** What no answer may say: where our code lies, how an error of it is called, what a runtime says of a mistake in it. */
const INSIDE =
  /\n\s+at |node_modules|node:internal|[/\\](?:lib|functions|dist)[/\\]|\.[mc]?[jt]s:\d|\b(?:Type|Range|Reference|Syntax|Zod|Engine|Problem)Error\b|Cannot read prop|is not a function|is not iterable|call stack|STORE_UNAVAILABLE|QUEUE_UNAVAILABLE|CONFIGURATION|unexpected_error/;

/** Lambda hands on at most 6 MB; a refusal is far from it, whatever it refuses. */
const MOST_BYTES = 6 * 1_024 * 1_024;
const MOST_BYTES_OF_REFUSAL = 128 * 1_024;

const HEADER_TEXT = /^[\t\x20-\x7e]*$/;

/** What of an answer counts: where it came from makes no difference. */
export type Answer = Pick<ApiAnswer, 'statusCode' | 'headers' | 'body'>;

/*
 * Assertions of Node, as an `expect` costs more than a request does.
 */

/**
 * Holds an answer to be one of those that are documented, and to tell a tenant nothing of our inside or of another tenant.
 * @param by index of the tenant that asked
 * @param sent everything that it sent: an id in it may come back
 */
export function expectDecent(
  { ids }: Pick<World, 'ids'>,
  by: number,
  answer: Answer,
  sent: () => string,
): void {
  const { statusCode, headers, body } = answer;
  const shown = `${statusCode} ${body.slice(0, 500)}`;
  assert.ok(statusCode < 500, shown);
  for (const name in headers) assert.match(headers[name] ?? '', HEADER_TEXT, name);
  assert.doesNotMatch(body, INSIDE);
  assert.equal(headers['cache-control'], 'no-store');
  if (statusCode < 400) {
    assert.ok(statusCode === 200 || statusCode === 202, shown);
    assert.equal(headers['content-type'], 'application/json');
    assert.ok(Buffer.byteLength(body) < MOST_BYTES, `${body.length} bytes`);
  } else expectProblem(answer);
  expectNothingForeign(ids, by, `${body}\n${headers.location ?? ''}`, sent);
}

function expectProblem({ statusCode, headers, body }: Answer): void {
  assert.equal(headers['content-type'], 'application/problem+json');
  assert.ok(Buffer.byteLength(body) < MOST_BYTES_OF_REFUSAL, `a refusal of ${body.length} bytes`);
  const { code, status, title, detail, type, errors } = documented.parse(JSON.parse(body));
  assert.equal(statusCode, status);
  assert.deepEqual({ status, title }, KNOWN.get(code), `the code ${code}`);
  assert.equal(type, `urn:stepline:problem:${code.toLowerCase().replaceAll('_', '-')}`);
  assert.notEqual(detail, '');
  if (code === 'INVALID_REQUEST') assert.ok(errors !== undefined && errors.length > 0, body);
}

/** The document of a refusal, with nothing else in it, and with a word to each field that it names. */
const documented = z.strictObject({
  ...problem.shape,
  errors: z
    .array(z.strictObject({ field: z.string(), message: z.string().min(1) }))
    .min(1)
    .optional(),
});
const KNOWN = new Map<string, { readonly status: number; readonly title: string }>(Object.entries(PROBLEMS));

/** Nothing that is planted with another tenant, no id of its workflows but one that was sent, and no card at all. */
function expectNothingForeign(ids: World['ids'], by: number, text: string, sent: () => string): void {
  for (const [tenant, { word, card }] of PLANTED.entries()) {
    // Half of it, as what cites a text cites a part of it.
    assert.ok(!text.includes(card.slice(0, 8)), `a card of ${TENANTS[tenant]} is shown`);
    if (tenant === by) continue;
    assert.ok(!text.includes(word), `data of ${TENANTS[tenant]} are shown to ${TENANTS[by]}`);
    const shown = ids[tenant]?.filter((id) => text.includes(id) && !sent().includes(id));
    assert.deepEqual(shown, [], `workflows of ${TENANTS[tenant]} are shown to ${TENANTS[by]}`);
  }
}

/** What a success is about; undefined for what is none. */
export type Success =
  | { readonly of: 'start' | 'workflow'; readonly workflowId: string }
  | { readonly of: 'list'; readonly workflowIds: readonly string[] };

/**
 * Reads a success, which must have the form that is documented.
 * @param basePath what a custom domain put before the path
 */
export function successOf({ statusCode, headers, body }: Answer, basePath = ''): Success | undefined {
  if (statusCode >= 400) return undefined;
  const json: unknown = JSON.parse(body);
  const listed = listAnswer.safeParse(json);
  if (listed.success)
    return { of: 'list', workflowIds: listed.data.workflows.map(({ workflowId }) => workflowId) };
  const started = startAnswer.safeParse(json);
  if (!started.success) return { of: 'workflow', workflowId: workflowAnswer.parse(json).workflowId };
  const { workflowId } = started.data;
  assert.equal(headers.location, `${basePath}/api/workflows/${workflowId}`);
  return { of: 'start', workflowId };
}

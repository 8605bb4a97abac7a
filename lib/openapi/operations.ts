import type { ChainDefinition } from '../chain/definition.ts';
import { LIMITS } from '../contract/limits.ts';
import { type RouteName, WORKFLOW_STATUSES } from '../contract/names.ts';
import { LISTING_POSITION, WORKFLOW_ID } from '../contract/wire.ts';
import type { ProblemCode } from '../engine/problems.ts';
import { inputName, schemaNamed } from './components.ts';
import { refusals } from './problems.ts';
import type { JsonSchema } from './schema.ts';

/** What is said of a route. */
interface Said {
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly JsonSchema[];
  readonly body?: { readonly schema: JsonSchema; readonly required: boolean };
  readonly answer: {
    readonly status: number;
    readonly description: string;
    readonly headers?: JsonSchema;
    readonly schema: JsonSchema;
  };
  /** What it is answered besides, without a body. */
  readonly empty?: { readonly status: number; readonly description: string; readonly headers: JsonSchema };
  readonly refusedAs: readonly ProblemCode[];
}

/** Any request may be refused so. */
const ANY: readonly ProblemCode[] = ['INVALID_REQUEST', 'FOREIGN_CALLER', 'INTERNAL'];
/** One that reads or changes workflows. */
const STORED: readonly ProblemCode[] = [...ANY, 'NO_TENANT', 'UNAVAILABLE'];
const WITH_BODY: readonly ProblemCode[] = [...STORED, 'INVALID_JSON', 'TOO_LARGE'];
const OF_ONE: readonly ProblemCode[] = [...STORED, 'UNKNOWN_WORKFLOW'];
const CHANGE: readonly ProblemCode[] = [...WITH_BODY, 'UNKNOWN_WORKFLOW', 'WRONG_STATUS'];
const TAKE_BACK: readonly ProblemCode[] = [...CHANGE, 'NO_UNDO', 'PAST_PIVOT', 'ERASED', 'EXPIRING'];

/** What every start is answered. */
const STARTED: Said['answer'] = {
  status: 202,
  description: 'The workflow is saved, or was before under the same key.',
  headers: {
    Location: {
      description: 'The path at which the workflow is read.',
      required: true,
      schema: { type: 'string', format: 'uri-reference' },
    },
  },
  schema: schemaNamed('Started'),
};

const keyHeader = (description: string): JsonSchema => ({
  name: 'Idempotency-Key',
  in: 'header',
  description,
  schema: { type: 'string', minLength: 1, maxLength: LIMITS.idempotencyKeyLength },
});
const SAFE = 'Makes a repeat safe: the same request with the same key gets the same workflow.';

/** The route that starts a chain. */
export function startOperation(chain: ChainDefinition): JsonSchema {
  const { name, start, startKey } = chain;
  return operation({
    operationId: `${name}_start`,
    tag: 'start',
    summary: `Starts a workflow of ${name}`,
    description: `It is saved before the answer, and goes on by itself. Its state is at \`Location\`. \`${start}\` takes at most ${LIMITS.inputBytes} bytes.`,
    parameters: [
      keyHeader(
        startKey === undefined
          ? SAFE
          : 'This chain takes its key from the request itself. Leave the header out.',
      ),
    ],
    body: { schema: schemaNamed(inputName(chain)), required: true },
    answer: STARTED,
    refusedAs: [...WITH_BODY, 'KEY_REUSED'],
  });
}

const ID: JsonSchema = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The workflow id.',
  schema: { type: 'string', pattern: WORKFLOW_ID.source },
};

const SHOWN = schemaNamed('Workflow');

const TAG: JsonSchema = {
  description: 'Names what the answer shows.',
  required: true,
  schema: { type: 'string' },
};

/** The routes that every deployment has. */
const FIXED: Readonly<Record<RouteName, (chains: readonly string[]) => Omit<Said, 'operationId'>>> = {
  list: (chains) => ({
    tag: 'workflows',
    summary: 'Lists workflows, newest first',
    description: 'A page may hold fewer than `limit`, and still have a `nextCursor`.',
    parameters: [
      query('chain', 'Only those of this chain.', { type: 'string', enum: chains }),
      query('status', 'Only those with this status.', { type: 'string', enum: WORKFLOW_STATUSES }),
      query('limit', 'The most workflows of a page.', {
        type: 'integer',
        minimum: 1,
        maximum: LIMITS.listMost,
        default: LIMITS.listDefault,
      }),
      query('cursor', 'The `nextCursor` of the page before.', {
        type: 'string',
        pattern: LISTING_POSITION.source,
      }),
    ],
    answer: ok('A page of workflows.', schemaNamed('WorkflowList')),
    refusedAs: STORED,
  }),
  startNamed: (chains) => ({
    tag: 'start',
    summary: 'Starts a workflow of the chain that is named',
    description: 'As the path of the chain itself, for those who know its name alone.',
    parameters: [
      { ...query('chain', 'The name of the chain.', { type: 'string', enum: chains }), required: true },
      keyHeader(`${SAFE} A chain that takes its key from the request itself refuses it.`),
    ],
    body: {
      schema: { anyOf: chains.map((name) => schemaNamed(inputName({ name }))) },
      required: true,
    },
    answer: STARTED,
    refusedAs: [...WITH_BODY, 'KEY_REUSED'],
  }),
  get: () => ({
    tag: 'workflows',
    summary: 'Shows a workflow, or waits until there is news of it',
    parameters: [
      ID,
      query('wait', 'For how many seconds to wait for another answer than that of `If-None-Match`.', {
        type: 'integer',
        minimum: 1,
        maximum: LIMITS.waitMost,
      }),
      {
        name: 'If-None-Match',
        in: 'header',
        description: 'The `ETag` of the answer that is known.',
        schema: { type: 'string' },
      },
    ],
    answer: {
      ...ok('The workflow, and the output of its chain as far as it is known.', SHOWN),
      headers: { ETag: TAG },
    },
    empty: {
      status: 304,
      description: 'Nothing differs from what is known.',
      headers: {
        ETag: TAG,
        'Retry-After': {
          description: 'In seconds. All places to wait are taken: ask again then.',
          schema: { type: 'integer' },
        },
      },
    },
    refusedAs: OF_ONE,
  }),
  timeline: () => ({
    tag: 'operators',
    summary: 'Shows a workflow with every attempt, and what targets answered',
    parameters: [ID],
    answer: ok('The workflow with its timeline and operations.', {
      allOf: [SHOWN, { required: ['timeline', 'operations'] }],
    }),
    refusedAs: OF_ONE,
  }),
  cancel: () => ({
    tag: 'operators',
    summary: 'Cancels a workflow, or takes it back',
    parameters: [ID],
    body: { schema: schemaNamed('CancelBody'), required: false },
    answer: ok('The workflow as it is now.', SHOWN),
    refusedAs: TAKE_BACK,
  }),
  resume: () => ({
    tag: 'operators',
    summary: 'Continues a failed workflow from its failed step, or its compensation from the failed undo',
    description: 'Say at most one of `done`, `notDone`, `newKey` and `steps`.',
    parameters: [ID],
    body: { schema: schemaNamed('ResumeBody'), required: false },
    answer: accepted('The workflow goes on.', SHOWN),
    refusedAs: [
      ...CHANGE,
      ...(['KEY_EXPIRED', 'REQUEST_CHANGED', 'SEVERAL_OPEN', 'STEP_STATUS', 'ERASED', 'EXPIRING'] as const),
    ],
  }),
  undo: () => ({
    tag: 'operators',
    summary: 'Takes a failed workflow back',
    parameters: [ID],
    body: { schema: schemaNamed('UndoBody'), required: false },
    answer: accepted('What its steps did is undone in reverse order.', SHOWN),
    refusedAs: TAKE_BACK,
  }),
  undoPlan: () => ({
    tag: 'operators',
    summary: 'Shows what an undo would do; it calls nobody',
    parameters: [ID],
    answer: ok('The steps in the order in which they would be undone.', schemaNamed('UndoPlan')),
    refusedAs: [...OF_ONE, 'WRONG_STATUS'],
  }),
  openapi: () => ({
    tag: 'description',
    summary: 'Describes the API: this document',
    answer: ok('An OpenAPI document.', {
      type: 'object',
      required: ['openapi', 'info', 'paths', 'components'],
    }),
    refusedAs: ANY,
  }),
};

/**
 * A route that every deployment has.
 * @param chains names of those whose workflows can be listed
 */
export const fixedOperation = (name: RouteName, chains: readonly string[]): JsonSchema =>
  operation({ operationId: name, ...FIXED[name](chains) });

const query = (name: string, description: string, schema: JsonSchema): JsonSchema => ({
  name,
  in: 'query',
  description,
  schema,
});

const ok = (description: string, schema: JsonSchema): Said['answer'] => ({
  status: 200,
  description,
  schema,
});
const accepted = (description: string, schema: JsonSchema): Said['answer'] => ({
  status: 202,
  description,
  schema,
});

function operation({ tag, body, answer, empty, refusedAs, ...said }: Said): JsonSchema {
  const { status, schema, ...told } = answer;
  return {
    ...said,
    tags: [tag],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.required,
            content: { 'application/json': { schema: body.schema } },
          },
        }),
    responses: {
      [status]: { ...told, content: { 'application/json': { schema } } },
      ...(empty === undefined
        ? {}
        : { [empty.status]: { description: empty.description, headers: empty.headers } }),
      ...refusals(refusedAs),
    },
  };
}

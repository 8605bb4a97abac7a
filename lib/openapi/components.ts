import * as z from 'zod';
import type { ChainDefinition } from '../chain/definition.ts';
import {
  cancelBody,
  listAnswer,
  operationEntry,
  problem,
  resumeBody,
  shownLookup,
  shownRetry,
  shownStepError,
  shownUndo,
  shownWorkflowError,
  startAnswer,
  statement,
  stepError,
  timelineEntry,
  undoBody,
  undoPlan,
  undoPlanStep,
  workflowAnswer,
} from '../contract/wire.ts';
import { exampleOf } from './example.ts';
import { outputFields } from './output.ts';
import { problemSchemas } from './problems.ts';
import { type Direction, isRecord, type JsonSchema, mapped, overrideOf, schemaAt, takes } from './schema.ts';

export const SCHEMAS = '#/components/schemas';
export const schemaNamed = (name: string): JsonSchema => ({ $ref: `${SCHEMAS}/${name}` });

/** The names under which the schemas of a chain stand. A chain's name has no underscore, so none is taken twice. */
export const inputName = ({ name }: Pick<ChainDefinition, 'name'>): string => `${name}_input`;
const workflowName = (chain: string): string => `${chain}_workflow`;

/** What is answered, whatever the chain; and what a body holds. */
const WIRE = {
  output: {
    AttemptError: stepError,
    LookedUp: shownLookup,
    Operation: operationEntry,
    Problem: problem,
    Retrying: shownRetry,
    Started: startAnswer,
    StepError: shownStepError,
    TimelineEntry: timelineEntry,
    Undoing: shownUndo,
    UndoPlan: undoPlan,
    UndoPlanStep: undoPlanStep,
    Workflow: workflowAnswer,
    WorkflowError: shownWorkflowError,
    WorkflowList: listAnswer,
  },
  input: { CancelBody: cancelBody, ResumeBody: resumeBody, Statement: statement, UndoBody: undoBody },
} as const satisfies Readonly<Record<Direction, Readonly<Record<string, z.ZodType>>>>;

/**
 * Every schema of the document, by its name.
 * @param current what can be started
 * @param versions every version of each chain: workflows of all of them are shown
 */
export function schemas(
  current: readonly ChainDefinition[],
  versions: readonly ChainDefinition[],
): Readonly<Record<string, JsonSchema>> {
  const { Workflow = {}, Problem = {}, ...answers } = named('output');
  const chains = [...new Set(versions.map(({ name }) => name))].sort();
  const workflows = chains.map((chain) => {
    const own = versions.filter(({ name }) => name === chain).sort((a, b) => b.version - a.version);
    return [workflowName(chain), workflowOf(Workflow, chain, own)] as const;
  });
  return {
    ...mapped({ ...answers, Problem, ...named('input') }, withExample),
    ...problemSchemas(Problem),
    ...Object.fromEntries(current.map((chain) => [inputName(chain), inputOf(chain)])),
    ...Object.fromEntries(workflows),
    OtherWorkflow: otherWorkflow(Workflow, chains),
    Workflow: { oneOf: [...workflows.map(([name]) => schemaNamed(name)), schemaNamed('OtherWorkflow')] },
  };
}

/** Those of one direction, which name each other. */
function named(io: Direction): Readonly<Record<string, JsonSchema>> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(WIRE[io])) registry.add(schema, { id });
  const uri = (name: string): string => `${SCHEMAS}/${name}`;
  const made = z.toJSONSchema(registry, { io, uri, override: overrideOf(io) });
  return mapped(made.schemas, ({ $schema: _, $id: __, ...json }) => json);
}

/** What a start of the chain must hold. */
function inputOf({ name, input, sensitive }: ChainDefinition): JsonSchema {
  const place = `${SCHEMAS}/${inputName({ name })}`;
  const { properties, ...schema } = schemaAt(place, input, 'input');
  const marked = {
    ...schema,
    ...(isRecord(properties) ? { properties: mapped(properties, writeOnly(sensitive)) } : {}),
  };
  if ('examples' in marked) return marked;
  const example = exampleOf(marked);
  return takes(input, example) ? { ...marked, examples: [example] } : marked;
}

/** Nobody is ever shown a sensitive field. */
const writeOnly =
  (sensitive: readonly string[]) =>
  (part: unknown, name: string): unknown =>
    sensitive.includes(name) && isRecord(part) ? { ...part, writeOnly: true } : part;

/**
 * What is answered about the workflows of one chain: with its output beside what all have.
 * @param versions of that chain, the newest first
 */
function workflowOf(all: JsonSchema, chain: string, versions: readonly ChainDefinition[]): JsonSchema {
  const { additionalProperties: _, properties, ...schema } = all;
  const { fields, others } = outputFields(versions);
  const [newest] = versions;
  const example = {
    ...WORKFLOW,
    chain,
    steps: Object.fromEntries(newest?.steps.map(({ name }) => [name, 'completed']) ?? []),
    ...Object.fromEntries(
      Object.entries(fields).map(([name, field]) => [name, exampleOf(field, name) ?? null]),
    ),
  };
  return {
    ...schema,
    ...(others ? { additionalProperties: {} } : {}),
    properties: { ...Object(properties), ...fields, chain: { const: chain } },
    examples: [example],
  };
}

/** A workflow of a chain that is deployed no longer. */
const otherWorkflow = (all: JsonSchema, chains: readonly string[]): JsonSchema => ({
  ...all,
  properties: {
    ...Object(all.properties),
    chain: { type: 'string', ...(chains.length === 0 ? {} : { not: { enum: chains } }) },
  },
});

const ID = 'wf_75ca6d5813d4a125f70c2f0a01e9c76e';
const AT = '2030-01-31T12:00:00.000Z';
const WORKFLOW = {
  workflowId: ID,
  status: 'completed',
  createdAt: AT,
  updatedAt: '2030-01-31T12:00:01.500Z',
};

/** Examples by the name of their schema. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  Started: { workflowId: ID, status: 'processing' },
  WorkflowList: {
    workflows: [{ workflowId: ID, chain: 'order-processing', status: 'completed', createdAt: AT }],
    nextCursor: null,
  },
  UndoPlan: {
    workflowId: ID,
    chain: 'order-processing',
    status: 'failed',
    steps: [
      {
        step: 'payment',
        does: 'calls',
        idempotencyKey: `${ID}:payment:undo:0`,
        request: { target: 'payments', method: 'POST', path: '/refunds' },
        waitsFor: [],
      },
    ],
  },
  CancelBody: { reason: 'ordered twice', undo: true },
  ResumeBody: { reason: 'seen in the books of payments', steps: { payment: { notDone: true } } },
  UndoBody: { reason: 'the customer has left' },
};

const withExample = (schema: JsonSchema, name: string): JsonSchema =>
  name in EXAMPLES ? { ...schema, examples: [EXAMPLES[name]] } : schema;

import * as z from 'zod';
import { dataEnrichment } from '../../../functions/chains/data-enrichment.ts';
import { notifications } from '../../../functions/chains/notifications.ts';
import { orderProcessing } from '../../../functions/chains/order-processing.ts';
import { userOnboarding } from '../../../functions/chains/user-onboarding.ts';
import type { ChainDefinition, OnFailure, RunContext, Undone } from '../../../lib/chain/definition.ts';
import { emptyChain, finished, withStep } from '../../../lib/chain/validate.ts';
import { DEMO_TARGETS } from '../../../lib/local/demo/catalogue.ts';
import type { Chance } from '../../../lib/testing/world/chance.ts';
import { MADE_AT, markDrifting } from './drifting.ts';
import type { LookupAnswers } from './looking.ts';
import type { Answer } from './targets.ts';
import { undoTarget } from './undo-target.ts';

/** A chain to be run, with an input for it and what its targets answer. */
export interface Subject {
  readonly chain: ChainDefinition;
  /** @param card a value that is not to be found anywhere but in the table */
  input(card: string): Readonly<Record<string, unknown>>;
  /** Another one. */
  other(card: string): Readonly<Record<string, unknown>>;
  readonly answer: Answer;
  /** Targets of undos that say 404 where they find nothing to undo; others say that it is done. */
  readonly says404?: (target: string) => boolean;
  /** How targets answer that are asked what became of a call; left out where none can be. */
  readonly lookups?: LookupAnswers;
}

/** What other code has under the same name and version: the last step is gone, or another one was added, and none follows any. */
export function changedFrom(chain: ChainDefinition): ChainDefinition {
  const known = changed.get(chain);
  if (known !== undefined) return known;
  const [first, ...others] = chain.steps;
  if (first === undefined) return chain;
  const steps = others.length === 0 ? [first, { ...first, name: 'added' }] : chain.steps.slice(0, -1);
  const other = { ...chain, steps: steps.map((step) => ({ ...step, after: [] })) };
  changed.set(chain, other);
  return other;
}

const changed = new WeakMap<ChainDefinition, ChainDefinition>();

/** Code of a step that calls something: given by the world in which the chain runs. */
export interface Code {
  /** @param undoneKey of code that undoes a step: under which that was done */
  run(idempotencyKey: string, timeoutMs: number, signal: AbortSignal, undoneKey?: string): Promise<unknown>;
  /** Milliseconds since 1970, for requests that are made of the time. */
  now(): number;
}

/** Steps by name, with the names of those they follow. */
export type Graph = Readonly<Record<string, readonly string[]>>;

// Made once: a schema costs more than a schedule.
const INPUT = z.strictObject({ card: z.string(), amount: z.number() });
const RESPONSE = z.object({ ok: z.string() });

/** What a step of a random chain is besides. */
export interface StepOptions {
  readonly retries: number;
  readonly timeout: number;
  readonly batchSize?: number;
  readonly concurrency?: number | undefined;
  readonly code?: boolean;
  readonly idempotency?: 'none' | { readonly lifetime: number } | undefined;
  /** Its request is made of the time, and changes that often, in milliseconds: a mistake that its function may have. */
  readonly drifts?: number | undefined;
  /** How it is taken back. */
  readonly undo?:
    | Omit<StepOptions, 'undo' | 'lateBy' | 'pivot' | 'drifts' | 'concurrency' | 'batchSize'>
    | undefined;
  /** Seconds after the deadline of a call for which it may still act. */
  readonly lateBy?: number | undefined;
  readonly pivot?: boolean | undefined;
}

/** A chain of that shape, each step with a target of its own. */
export function graphSubject(
  graph: Graph,
  options: (name: string) => StepOptions,
  code: Code,
  onFailure: OnFailure = 'stop',
): Subject {
  const base = { version: 1, start: '/api/simulated', input: INPUT, sensitive: ['card'], onFailure };
  let chain = emptyChain('simulated', base);
  for (const [name, after] of Object.entries(graph)) {
    const { code: isCode = false, drifts, batchSize = 1, undo, ...rest } = options(name);
    const work = isCode
      ? { run: (context: RunContext) => runCode(code, context, rest.timeout) }
      : {
          request: requestTo(
            name,
            rest.idempotency,
            drifts === undefined ? undefined : () => code.now() / drifts,
          ),
          targets: [name],
        };
    const own = { response: RESPONSE, batchSize, ...defined(rest), ...work };
    const taken = undo === undefined ? {} : { undo: undoOf(name, undo, code) };
    chain = withStep(chain, name, { after, ...own, ...taken });
  }
  return {
    chain: finished(chain),
    input: (card) => ({ card, amount: 5 }),
    other: (card) => ({ card, amount: 6 }),
    answer: (_target, key) => ({ ok: key }),
  };
}

function requestTo(
  name: string,
  idempotency: StepOptions['idempotency'],
  madeAt: (() => number) | undefined,
): (context: { input: { card?: string } }) => unknown {
  const request = ({ input }: { input: { card?: string } }) => ({
    target: name,
    method: 'POST',
    path: `/${name}`,
    body: { card: input.card, ...(madeAt === undefined ? {} : { [MADE_AT]: Math.floor(madeAt()) }) },
    ...(idempotency === undefined ? {} : { idempotency }),
  });
  if (madeAt !== undefined) markDrifting(request);
  return request;
}

type UndoOptions = NonNullable<StepOptions['undo']>;
type Undoing<Context> = Context & { readonly undone: Undone };

/** It is told what it undoes, and tells its target so: whether it was told the truth can be seen there. */
function undoOf(step: string, { code: isCode = false, ...rest }: UndoOptions, code: Code): object {
  const common = { response: RESPONSE, ...defined({ ...rest }) };
  if (isCode) {
    const run = (context: Undoing<RunContext>) =>
      runCode(code, context, rest.timeout, context.undone.idempotencyKey);
    return { ...common, run };
  }
  const target = undoTarget(step);
  const request = ({ input, undone }: Undoing<{ input: { card?: string } }>) => ({
    target,
    method: 'POST',
    path: `/${target}`,
    body: { card: input.card, undoes: undone.idempotencyKey, result: undone.result ?? null },
    ...(rest.idempotency === undefined ? {} : { idempotency: rest.idempotency }),
  });
  return { ...common, request, targets: [target] };
}

/** Code that tells too much when it fails. */
const runCode = (
  code: Code,
  { idempotencyKey, input, signal }: RunContext,
  timeout: number,
  undoneKey?: string,
): Promise<unknown> =>
  code.run(idempotencyKey, timeout * 1_000, signal, undoneKey).catch((error: unknown) => {
    throw new Error(`${String(error)} for ${JSON.stringify(input)}`);
  });

const defined = (options: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

const TIMEOUTS = [0.5, 2, 5, 15, 30, 60, 120];

/**
 * One of the shipped chains, or a random graph of one to eight steps with branches and joins.
 * @param forgetful draws how long their targets remember keys; without it they do for a day
 */
export function drawSubject(chance: Chance, code: Code, forgetful: Chance | undefined): Subject {
  if (chance.happens(0.25)) return shippedSubject(chance.pick(SHIPPED));
  // Most mistakes show in small graphs, which are quick; some need large ones.
  const steps = chance.whole(1, chance.pick([3, 5, 8]));
  const graph: Record<string, readonly string[]> = {};
  const names: string[] = [];
  // Some chains are nearly lines, some have hardly any order.
  const straight = chance.fraction();
  for (let number = 1; number <= steps; number += 1) {
    const name = `s${number}`;
    graph[name] = chance.happens(straight) ? names.slice(-1) : someOf(chance, names);
    names.push(name);
  }
  const batchSize = chance.pick([1, 1, 5, 10]);
  // Of some chains the targets soon forget keys: within the time of a few attempts, or of a long wait.
  const lifetime = forgetful?.happens(0.2) ? forgetful.pick([60, 300, 1_800]) : undefined;
  const drifts = forgetful?.happens(0.1) ? forgetful.pick([10_000, 300_000, 3_600_000]) : undefined;
  const takesNone = forgetful?.happens(0.1) ? forgetful.whole(1, steps) : 0;
  let made = 0;
  return graphSubject(
    graph,
    () => {
      made += 1;
      return {
        retries: chance.whole(0, 3),
        timeout: chance.pick(TIMEOUTS),
        batchSize,
        concurrency: chance.happens(0.2) ? 2 : undefined,
        code: chance.happens(0.15),
        idempotency: made === takesNone ? 'none' : lifetime === undefined ? undefined : { lifetime },
        drifts,
      };
    },
    code,
  );
}

function someOf(chance: Chance, names: readonly string[]): readonly string[] {
  const wanted = Math.min(names.length, chance.whole(0, 3));
  const some = new Set<string>();
  for (let draws = 0; draws < wanted; draws += 1) some.add(chance.pick(names));
  return [...some];
}

/** The shipped chains, each with an input. */
const SHIPPED: readonly Shipped[] = [
  {
    chain: orderProcessing,
    sample: { card: 'card', amount: 12.5, address: '1 Main Street', email: 'ada@example.com' },
  },
  { chain: userOnboarding, sample: { name: 'Ada', email: 'ada@example.com' } },
  { chain: dataEnrichment, sample: { name: 'Ada', email: 'ada@example.com' } },
  {
    chain: notifications,
    sample: { email: 'ada@example.com', phone: '+4915112345678', device: 'd1', text: 'Hello' },
  },
];

interface Shipped {
  readonly chain: ChainDefinition;
  readonly sample: Readonly<Record<string, unknown>>;
}

function shippedSubject({ chain, sample }: Shipped): Subject {
  const input = (card: string) => ('card' in sample ? { ...sample, card } : sample);
  return {
    // The simulator has lookups of its own, which ask its books.
    chain: { ...chain, steps: chain.steps.map(({ lookup: _, ...step }) => step) },
    input,
    other: (card) => ({ ...input(card), email: 'grace@example.com' }),
    answer: (target, key, body, at) => {
      const route = Object.entries(DEMO_TARGETS).find(([name]) => name === target)?.[1];
      if (route === undefined) throw new Error(`there is no demo target "${target}"`);
      const sent = typeof body === 'object' && body !== null ? { ...body } : {};
      return route.reply({ body: sent, at, id: (prefix) => `${prefix}_${key.replaceAll(':', '-')}` });
    },
  };
}

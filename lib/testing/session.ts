import type { ChainDefinition } from '../chain/definition.ts';
import { type Registry, registry } from '../chain/registry.ts';
import { DEFAULT_TENANT } from '../contract/names.ts';
import type {
  CancelBody,
  ResumeBody,
  StartAnswer,
  UndoBody,
  UndoPlan,
  WorkflowAnswer,
} from '../contract/wire.ts';
import type { EngineEvent } from '../engine/events.ts';
import type { ApiEngine } from '../engine/operations/api-engine.ts';
import { cancel, resume } from '../engine/operations/change.ts';
import { get } from '../engine/operations/read.ts';
import { start } from '../engine/operations/start.ts';
import { undo, undoPlan } from '../engine/operations/undo.ts';
import type { WorkflowKey } from '../engine/state.ts';
import { withCode } from './code.ts';
import { createEffects, type EffectsOfRun, effectOf } from './effects.ts';
import type { Attempt } from './fakes/call.ts';
import { checkedFakes, type Effects, type Targets } from './fakes/fakes.ts';
import { type Planned, type Point, plannedChaos } from './faults/planned.ts';
import { createTestTargets, type TestTargets } from './targets.ts';
import { createWatch, type Watch } from './watch.ts';
import { embeddedBacking } from './world/backing.ts';
import { createChance } from './world/chance.ts';
import { type Stage, startStage } from './world/stage.ts';
import { createTime, type Time } from './world/time.ts';
import type { Outside } from './world/witness.ts';

/** When every run begins, in milliseconds since 1970. */
export const START = 1_790_000_000_000;

/** Things that may happen in one run of virtual time; more means that it never comes to rest. */
export const MOST_EVENTS = 200_000;

interface SessionOptions {
  readonly chain: ChainDefinition;
  readonly targets: Targets;
  readonly secrets?: Readonly<Record<string, string>> | undefined;
  readonly plan?: readonly Planned[];
  /** Given each line of what happens. */
  readonly trace?: (line: string) => void;
  /** Called at the moment at which the plan has an operator cancel. */
  readonly cancelNow?: () => void;
}

/** What clients ask; undefined where the function died before it had answered. Errors: `ProblemError`, and those of the store. */
interface Api {
  start(payload: unknown, headers: Readonly<Record<string, string>>): Promise<StartAnswer | undefined>;
  cancel(workflowId: string, body?: CancelBody): Promise<WorkflowAnswer | undefined>;
  resume(workflowId: string, body: ResumeBody): Promise<WorkflowAnswer | undefined>;
  undo(workflowId: string, body: UndoBody): Promise<WorkflowAnswer | undefined>;
}

/** A stage in virtual time, for one workflow of one chain. */
export interface Session {
  readonly chain: ChainDefinition;
  readonly time: Time;
  readonly watch: Watch;
  readonly targets: TestTargets;
  readonly effects: EffectsOfRun;
  /** The last value that the code of each step returned, or of its undo, by what it did. */
  readonly returned: ReadonlyMap<string, unknown>;
  /** Every moment that came and at which something can go wrong. */
  readonly points: readonly Point[];
  readonly api: Api;
  /** The answer of `GET /api/workflows/{id}`, or of its timeline. Errors: an `Error` where the chain's output throws. */
  view(workflowId: string, timeline: boolean): Promise<WorkflowAnswer>;
  /** The answer of `GET /api/workflows/{id}/undo`. Errors: `ProblemError`. */
  undoPlan(workflowId: string): Promise<UndoPlan>;
}

/** Under which the one start is sent, and repeated. */
const START_KEY = 'test';

export async function openSession(options: SessionOptions): Promise<Session> {
  const { chain, plan = [], cancelNow = () => undefined } = options;
  const chance = createChance(1);
  const time = createTime(START);
  const trace = tracer(time, options.trace);
  /** What something planned throws ends the run. */
  const fail = (error: unknown): void => {
    time.after(0, () => {
      throw error;
    });
  };
  const points: Point[] = [];
  const chaos = plannedChaos(plan, points, cancelNow, trace);
  const watch = createWatch((what) => fail(new Error(what)));
  const effects = createEffects(time.now);
  const told = tellingOf(effects);
  const fakes = checkedFakes(
    chain,
    typeof options.targets === 'function' ? options.targets(told) : options.targets,
  );
  const targets = createTestTargets({ time, chaos, chain, fakes, effects, fail, trace });
  const returned = new Map<string, unknown>();
  const chains = registry([
    withCode(chain, { time, chaos, returned: (of, value) => void returned.set(effectOf(of), value) }),
  ]);
  const around = { time, chaos, trace, random: chance };
  const counts = { timeouts: 0, crashes: 0, batches: 0, repeatedRuns: 0, emptiedQueues: 0 };
  const backing = await embeddedBacking({ ...around, counts, places: chains.places });
  const stage = startStage({
    ...around,
    ...{ witness: watch, backing, counts, chains, places: chains.places },
    outside: () => outsideOf(targets, options.secrets, (problem) => fail(outputError(chain, problem))),
    // A function that its time is over for is ended, as Lambda does.
    zombies: false,
    changed: (same) => same,
  });
  const readerWith = (emit: (event: EngineEvent) => void): ApiEngine => ({
    chains,
    ports: { store: backing.store, queue: backing, clock: time, random: chance, telemetry: { emit } },
  });
  return {
    ...{ chain, time, watch, targets, effects, returned, points },
    api: apiOf(stage, chains, chain.startKey === undefined ? { idempotencyKey: START_KEY } : {}),
    view: async (workflowId, timeline) => {
      let problem: string | undefined;
      const reader = readerWith((event) => {
        if (event.event === 'output_failed') problem = event.message;
      });
      const shown = await get(reader, keyOf(workflowId), timeline);
      if (problem !== undefined) throw outputError(chain, problem);
      return shown;
    },
    undoPlan: (workflowId) =>
      undoPlan(
        readerWith(() => undefined),
        keyOf(workflowId),
      ),
  };
}

const keyOf = (workflowId: string): WorkflowKey => ({ tenant: DEFAULT_TENANT, workflowId });

const apiOf = (stage: Stage, chains: Registry, key: { readonly idempotencyKey?: string }): Api => ({
  start: (payload, headers) =>
    stage.ask('start', (engine) =>
      start(engine, startedOf(chains), { tenant: DEFAULT_TENANT, payload, headers, ...key }),
    ),
  cancel: (workflowId, body) => stage.ask('workflow', (engine) => cancel(engine, keyOf(workflowId), body)),
  resume: (workflowId, body) => stage.ask('workflow', (engine) => resume(engine, keyOf(workflowId), body)),
  undo: (workflowId, body) => stage.ask('workflow', (engine) => undo(engine, keyOf(workflowId), body)),
});

/** What a test tells of: under a key it is done once. */
function tellingOf(effects: EffectsOfRun): Effects {
  const known = new Set<string>();
  return {
    acted: (what, key) => {
      const name = `${what} ${key}`;
      if (key !== undefined && known.has(name)) return;
      known.add(name);
      effects.acted(what, { how: what, key });
    },
  };
}

const outputError = ({ name }: ChainDefinition, problem: string): Error =>
  new Error(`the output of ${name} cannot be shown: ${problem}`);

function startedOf({ current }: Registry): ChainDefinition {
  const [chain] = current;
  if (chain === undefined) throw new Error('there is no chain');
  return chain;
}

/** What one worker calls is of the attempt that began in it last: there is one workflow, and each function is of one step. */
function outsideOf(
  targets: TestTargets,
  secrets: SessionOptions['secrets'] = {},
  outputFailed: (problem: string) => void,
): Outside {
  let attempt: Attempt | undefined;
  return {
    secret: (name) => secrets[name] ?? `test-${name}`,
    emitted: (event) => {
      if (event.event === 'attempt_started') attempt = event;
      if (event.event === 'output_failed') outputFailed(event.message);
    },
    call: (request, deadlineMs) => {
      if (attempt === undefined) throw new Error('a call is made outside of any attempt');
      return targets.call(request, deadlineMs, attempt);
    },
  };
}

const tracer =
  (time: Time, write: ((line: string) => void) | undefined) =>
  (line: () => string): void =>
    write?.(`${((time.now() - START) / 1_000).toFixed(3).padStart(10)} s  ${line()}`);

/** Lets time run until `work` has ended. Errors: what `work` throws, and what ended the run. */
export async function settled<Result>({ time }: Session, work: Promise<Result>): Promise<Result> {
  let done = false;
  const ended = (): void => {
    done = true;
  };
  work.then(ended, ended);
  await time.run(MOST_EVENTS, () => (done ? -Infinity : Infinity));
  const failure = time.failure();
  if (failure !== undefined) throw failure;
  if (!done) throw new Error('the API does not answer, and nothing is left to do');
  return await work;
}

import { LIMITS } from '../../contract/limits.ts';
import type { Clock, Pace, Ports } from '../ports.ts';
import { definitionOf, type Engine, loadState, saveMeta, told } from '../shell.ts';
import { digestOf, kindOf, oldestFirst, type Untold, wantedFor } from './digest.ts';
import { NEW_PACE, type Teller, turnOf, type Wanted } from './pace.ts';

/** What it takes to tell on-call. */
export type TellingEngine = Engine<'store' | 'clock' | 'random' | 'telemetry' | 'notifier'>;

/** The pace at which on-call is told; it may be a little old. */
export const loadPace = async ({ store }: Pick<Ports, 'store'>): Promise<Pace> =>
  (await store.loadPace()) ?? NEW_PACE;

/** Failures of one group, and for how long the caller may work on them. */
export interface Telling {
  readonly failures: readonly Untold[];
  readonly by: Teller;
  /** As it was read last: saves reading it again. */
  readonly pace?: Pace;
  /** Milliseconds from now until the digest must be on its way. */
  readonly patienceMs: number;
  /** Whether another batch of workflows may be marked as told. */
  readonly goOn?: () => boolean;
}

/**
 * Tells on-call of failures of one group in one digest, if it is the group's turn, and then takes them out of the due index. The
 * oldest goes last: as long as it is left, whoever comes back repeats the digest under the same id.
 * Errors: of the store and of the notifier; then all that is not marked as told stays to be told.
 * @returns whether they were told
 */
export async function tell(
  engine: TellingEngine,
  { failures, by, pace, patienceMs, goOn = () => true }: Telling,
): Promise<boolean> {
  const { ports } = engine;
  const [head, ...others] = oldestFirst(failures);
  if (head === undefined) return false;
  const digest = digestOf([head, ...others]);
  const wanted = wantedFor(head, by);
  if (!(await takeTurn(ports, wanted, pace, ports.clock.now() + patienceMs))) return false;
  await ports.notifier.notify(digest);
  const { id, chain, step, code, count } = digest;
  ports.telemetry.emit({ event: 'digest_published', notification: id, chain, step, code, count });
  for (let first = 0; first < others.length; first += AT_ONCE) {
    if (!goOn()) return true;
    const marked = others.slice(first, first + AT_ONCE).map((one) => markTold(engine, one));
    await Promise.all(marked);
  }
  await markTold(engine, head);
  return true;
}

/** Workflows marked as told at the same time. */
const AT_ONCE = 50;

/** Waits for the group's turn; false where another has it, or it would come too late. */
async function takeTurn(
  ports: Pick<Ports, 'store' | 'clock' | 'random'>,
  wanted: Wanted,
  known: Pace | undefined,
  latest: number,
): Promise<boolean> {
  let pace = known ?? (await loadPace(ports));
  for (let tries = 0; tries < LIMITS.decisions; tries += 1) {
    const turn = turnOf(pace, wanted, ports.clock.now(), latest);
    if (turn.do === 'wait') return false;
    const nonce = ports.random.token();
    const written = await ports.store.writePace({ ...turn.pace, nonce }, pace.version);
    // Two handlers of one dead letter write the same at the same time: only the nonce tells whose turn it is.
    if (written.written || written.current?.nonce === nonce) {
      await until(ports.clock, turn.at);
      return true;
    }
    pace = written.current ?? NEW_PACE;
  }
  return false;
}

const until = (clock: Clock, at: number): Promise<void> =>
  new Promise((resolve) => {
    const ms = at - clock.now();
    if (ms <= 0) resolve();
    else clock.after(ms, resolve);
  });

/** Whoever changed META since has resumed the workflow, or tells of it: then it is theirs. */
async function markTold({ chains, ports }: TellingEngine, untold: Untold): Promise<void> {
  const state = await loadState(ports, untold);
  if (state === undefined) return;
  const { epoch } = untold;
  const { meta } = state;
  if (meta.notify === undefined || meta.epoch !== epoch || kindOf(meta) !== kindOf(untold)) return;
  const { status } = meta;
  // What is taken back meanwhile is due for other reasons.
  const dueAt = status === untold.status && status !== 'compensating' ? untold.dueAt : meta.dueAt;
  const expected = { status, epoch, ...(dueAt === undefined ? {} : { dueAt }) };
  await saveMeta(ports, told(definitionOf(chains, meta), meta), expected);
}

import { type Bill, billOf, judge, together } from './bill.ts';
import type { BundleFigures } from './bundles.ts';
import { type Competitor, durable, express, standard } from './competitors.ts';
import { idleLines, metricLines } from './idle.ts';
import type { IdleRun, Operations } from './orders.ts';
import type { Resources } from './resources.ts';
import { backupLines, durationMs, keepingLines, logLines, runningLines } from './stepline.ts';

/** Everything that was measured. */
export interface Measured {
  /** One message at a time, at log level info. */
  readonly single: Operations;
  /** Full batches, at log level info. */
  readonly batched: Operations;
  /** One message at a time, at log level warn: fewer log lines, and nothing else differs. */
  readonly quiet: Operations;
  readonly idleRun: IdleRun;
  readonly bundles: readonly BundleFigures[];
  /** What the stage is made of, and where that is from. */
  readonly resources: { readonly counts: Resources; readonly from: string };
}

/** Dollars of a million workflows of Stepline. */
export interface Own {
  readonly running: Bill;
  readonly keeping: Bill;
  readonly backups: Bill;
  readonly logsAtInfo: Bill;
  readonly logsAtWarn: Bill;
}

export interface Rival extends Pick<Competitor, 'name' | 'notes'> {
  readonly running: Bill;
  readonly keeping: Bill;
}

/** One goal at one way of reading the bill. */
export interface Verdict {
  readonly mode: string;
  readonly counting: string;
  readonly dollars: number;
  readonly standard: number;
  readonly wanted: number;
  readonly times: number;
  readonly reached: boolean;
}

export interface Report {
  readonly measured: Measured;
  readonly single: Own;
  readonly batched: Own;
  readonly rivals: readonly Rival[];
  readonly verdicts: readonly Verdict[];
  readonly idle: Bill;
  readonly metrics: Bill;
}

const WORKFLOWS = 1_000_000;

/** Stepline costs at most this part of what Step Functions Standard does. */
const GOALS = { single: 6, batched: 10 };

/** Puts prices to what was measured. */
export function reportOf(measured: Measured): Report {
  const { single, batched, quiet, idleRun, resources } = measured;
  const own = {
    single: ownOf(single, single, quiet),
    // A batch has fewer invocations, and so fewer lines of Lambda's own, at either level.
    batched: ownOf(batched, batched, {
      ...batched,
      eventBytes: quiet.eventBytes,
      metricBytes: quiet.metricBytes,
    }),
  };
  const rivals = rivalsOf(single);
  const [first] = rivals;
  if (first === undefined) throw new Error('there is nobody to compare with');
  return {
    measured,
    ...own,
    rivals,
    verdicts: [
      ...verdictsOf('one message at a time', own.single, first, GOALS.single),
      ...verdictsOf('full batches', own.batched, first, GOALS.batched),
    ],
    idle: billOf(idleLines(resources.counts, idleRun)),
    metrics: billOf(metricLines(single.metrics)),
  };
}

const ownOf = (running: Operations, atInfo: Operations, atWarn: Operations): Own => ({
  running: billOf(runningLines(running), WORKFLOWS),
  keeping: billOf(keepingLines(running), WORKFLOWS),
  backups: billOf(backupLines(running), WORKFLOWS),
  logsAtInfo: billOf(logLines(atInfo), WORKFLOWS),
  logsAtWarn: billOf(logLines(atWarn), WORKFLOWS),
});

/** Prices the same chain and payloads elsewhere, Standard first. */
function rivalsOf({ functions, payloadBytes }: Operations): readonly Rival[] {
  const get = functions.find(({ of }) => of === 'get');
  if (get === undefined) throw new Error('no look at a status was measured');
  const calls = functions.filter(({ isStep }) => isStep).length;
  const workload = { calls, payloadBytes, apiFunctionMs: durationMs(get) };
  return [standard(workload), express(workload), durable(workload)].map(
    ({ name, notes, running, keeping }) => ({
      name,
      notes,
      running: billOf(running, WORKFLOWS),
      keeping: billOf(keeping, WORKFLOWS),
    }),
  );
}

/** The goal, read from the narrowest bill to the widest. Standard keeps its history for 90 days in its price. */
function verdictsOf(mode: string, own: Own, rival: Rival, times: number): readonly Verdict[] {
  const { running, keeping, logsAtInfo, logsAtWarn } = own;
  const of = together(rival.running, rival.keeping).dollars;
  const readings: readonly (readonly [string, Bill])[] = [
    ['running', running],
    ['running, kept 90 days', together(running, keeping)],
    ['running, kept 90 days, logs at warn', together(running, keeping, logsAtWarn)],
    ['running, kept 90 days, logs at info', together(running, keeping, logsAtInfo)],
  ];
  return readings.map(([counting, { dollars }]) => ({
    mode,
    counting,
    dollars,
    standard: of,
    wanted: times,
    ...judge({ dollars, of, fraction: 1 / times }),
  }));
}

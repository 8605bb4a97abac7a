import { type Bill, billOf, type Line } from '../bill/bill.ts';
import { durable, express, standard } from '../bill/competitors.ts';
import { idleLines, metricLines } from '../bill/idle.ts';
import {
  ASSUMED,
  backupLines,
  chainLines,
  durationMs,
  frontLines,
  keepingLines,
  logLines,
  lookLines,
  tenantLines,
  traceLines,
} from '../bill/stepline.ts';
import type { BundleFigures } from '../measured/bundles.ts';
import type { IdleRun } from '../measured/idle-run.ts';
import type { Operations } from '../measured/orders.ts';
import { type Budgeted, type IdleCost, type IdleStage, idleCosts } from '../stage/budgets.ts';
import type { CustomMetrics } from '../stage/custom-metrics.ts';
import type { CountedStage } from '../stage/templates.ts';
import type { Own, Rival } from './priced.ts';
import { type Reading, readingsOf } from './readings.ts';

/** Everything that was measured. */
export interface Measured {
  /** One message at a time, at log level info. */
  readonly single: Operations;
  /** Full batches, at log level info. */
  readonly batched: Operations;
  /** One message at a time, at log level warn: fewer log lines, and nothing else differs. */
  readonly quiet: Operations;
  /** Both modes again with several tenants: groups at the messages, and nothing else differs. */
  readonly tenants: { readonly single: Operations; readonly batched: Operations };
  /** An idle run of the reconciler, at the log level of each stage. */
  readonly idleRuns: Readonly<Record<Budgeted, IdleRun>>;
  readonly bundles: readonly BundleFigures[];
  readonly idleStages: readonly IdleStage[];
  /** Templates that were given. */
  readonly given: CountedStage | undefined;
  readonly customMetrics: Readonly<Record<Budgeted, CustomMetrics>>;
}

export interface Report {
  readonly measured: Measured;
  readonly single: Own;
  readonly batched: Own;
  readonly rivals: readonly Rival[];
  /** Beside Step Functions Standard. */
  readonly readings: readonly Reading[];
  readonly idle: readonly IdleCost[];
  /** Of the templates that were given, with the run of `prod`. */
  readonly given: Bill | undefined;
  readonly metrics: Readonly<Record<Budgeted, Bill>>;
}

/** How messages come, in the words of the tables. */
export const MODES = { single: 'one message at a time', batched: 'full batches' } as const;

const WORKFLOWS = 1_000_000;
const ofMany = (...lines: readonly (readonly Line[])[]): Bill => billOf(lines.flat(), WORKFLOWS);

/** Puts prices to what was measured. */
export function reportOf(measured: Measured): Report {
  const { single, batched, quiet, tenants, idleRuns, idleStages, given, customMetrics } = measured;
  const { eventBytes, metricBytes } = quiet;
  // A batch has fewer invocations, and so fewer lines of Lambda's own, at either level.
  const own = {
    single: ownOf(single, quiet, tenants.single),
    batched: ownOf(batched, { ...batched, eventBytes, metricBytes }, tenants.batched),
  };
  const rivals = rivalsOf(single);
  const metricsOf = (name: Budgeted): Bill => {
    const shipped = idleStages.find((one) => one.name === name && one.steps === 'shipped');
    if (shipped === undefined) throw new Error(`the stage ${name} was not counted`);
    return billOf(metricLines(shipped.stage.counts, customMetrics[name]));
  };
  const [first] = rivals;
  if (first === undefined) throw new Error('there is nobody to compare with');
  return {
    measured,
    ...own,
    rivals,
    readings: [
      ...readingsOf(MODES.single, own.single, first),
      ...readingsOf(MODES.batched, own.batched, first),
    ],
    idle: idleCosts(idleStages, idleRuns),
    given: given && billOf(idleLines(given.counts, idleRuns.prod)),
    metrics: { dev: metricsOf('dev'), prod: metricsOf('prod') },
  };
}

const ownOf = (operations: Operations, atWarn: Operations, tenants: Operations): Own => ({
  alone: ofMany(chainLines(operations)),
  running: ofMany(frontLines(operations), chainLines(operations)),
  keeping: ofMany(keepingLines(operations)),
  look: ofMany(lookLines(operations)),
  logsAtInfo: ofMany(logLines(operations)),
  logsAtWarn: ofMany(logLines(atWarn)),
  backups: ofMany(backupLines(operations)),
  withTenants: ofMany(tenantLines(tenants)),
  traces: { many: ofMany(traceLines(operations, ASSUMED.sampled)), few: ofMany(traceLines(operations, 1)) },
});

/** Prices the same chain and payloads elsewhere, Standard first. */
function rivalsOf({ functions, look, payloadBytes }: Operations): readonly Rival[] {
  const calls = functions.filter(({ isStep }) => isStep).length;
  const workload = { calls, payloadBytes, apiFunctionMs: durationMs(look) };
  return [standard(workload), express(workload), durable(workload)].map(
    ({ name, notes, front, chain, keeping, look }) => ({
      name,
      notes,
      alone: ofMany(chain),
      running: ofMany(front, chain),
      keeping: ofMany(keeping),
      look: ofMany(look),
    }),
  );
}

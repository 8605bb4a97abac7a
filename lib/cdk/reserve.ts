import { DEAD_LETTER_SETTINGS } from '../chain/settings.ts';
import { LIMITS } from '../contract/limits.ts';
import type { StageSettings } from './settings.ts';
import { type ChainSource, placesOf, type Stage } from './stage.ts';

/** What of a stage decides how much it may run at once. */
export interface SizedStage {
  readonly settings: Pick<StageSettings, 'throttling' | 'concurrency'>;
  readonly chains: readonly Pick<ChainSource, 'definition'>[];
}

/** How many executions at once are kept for each function that the steps must not starve. It is also the most that it can have. */
export interface Reserve {
  readonly start: number;
  readonly stepFailed: number;
  readonly reconciler: number;
}

/** What the account allows, as AWS tells it. */
export interface AccountConcurrency {
  /** Executions at once of all functions of the account and region. */
  readonly limit: number;
  /** How many of them are reserved for functions other than these three. */
  readonly reservedByOthers: number;
}

/** Whether a stage's reserve is made, and what to tell whoever deploys. */
export interface ReservePlan {
  readonly made: boolean;
  readonly says: readonly string[];
  /** Executions at once that the account allows. */
  readonly executions: number;
}

/**
 * A reserve that caps nothing. `start`: all requests that the stage's throttling lets through at once. `stepFailed`: one more than its
 * mapping takes, because a throttled mapping uses up receives. `reconciler`: a run of the schedule and one by hand.
 * @example reserveOf(stage) // { start: 150, stepFailed: 11, reconciler: 2 }
 */
export function reserveOf(stage: SizedStage): Reserve {
  const { rate, burst } = stage.settings.throttling;
  return {
    start: burst + Math.ceil((rate * LIMITS.startMs) / 1_000),
    stepFailed: DEAD_LETTER_SETTINGS.maxConcurrency + 1,
    reconciler: LIMITS.reconcilersAtOnce,
  };
}

/**
 * How many reads of a stage may wait at once: a tenth of the executions that the account allows, or fewer if the stage says so.
 * @example waitPlacesOf({ settings, executions: 1000 }) // 100
 */
export function waitPlacesOf({ settings, executions }: Pick<Stage, 'settings' | 'executions'>): number {
  if (executions === undefined) return settings.waiting ?? LIMITS.waitPlacesUnknown;
  const most = Math.floor(executions * LIMITS.waitShare);
  return Math.min(most, settings.waiting ?? most);
}

/** How many executions the steps of a stage may take at once. */
const stepsAtOnce = (stage: SizedStage): number =>
  placesOf(stage).reduce(
    (sum, { settings }) => sum + (settings.maxConcurrency ?? stage.settings.concurrency),
    0,
  );

/**
 * Decides whether an account has room for the reserve of a stage, and says why with the arithmetic.
 * @example planReserve(stage, { limit: 10, reservedByOthers: 0 }).made // false
 */
export function planReserve(stage: SizedStage, account: AccountConcurrency): ReservePlan {
  const reserve = reserveOf(stage);
  const { start, stepFailed, reconciler } = reserve;
  const sum = start + stepFailed + reconciler;
  const left = account.limit - account.reservedByOthers - sum;
  const made = left >= LIMITS.unreservedLeast;
  const parts = `start ${start} + step-failed ${stepFailed} + reconciler ${reconciler}`;
  const others = account.reservedByOthers > 0 ? ` - ${account.reservedByOthers} reserved by others` : '';
  const arithmetic = `${account.limit} of the account${others} - ${sum} (${parts}) = ${left}`;
  const shared = made ? left : account.limit - account.reservedByOthers;
  return {
    made,
    executions: account.limit,
    says: [
      made
        ? `Executions are kept for the functions that the steps must not starve: ${arithmetic}, which stay for all other functions of the account.`
        : [
            `Nothing is reserved for start, step-failed and reconciler: ${arithmetic}, and AWS wants ${LIMITS.unreservedLeast} to stay unreserved.`,
            'When the steps take all that there is, nothing is started, repaired or told until they let go.',
            `${askFor(account.reservedByOthers + sum + LIMITS.unreservedLeast)}, or lower throttling of the stage in bin/stages.ts.`,
          ].join(' '),
      ...beyond(stage, shared, account, made ? sum : 0),
    ],
  };
}

/** Steps that may take more than there is are throttled, and throttled messages use up receives. */
function beyond(
  stage: SizedStage,
  shared: number,
  { reservedByOthers }: AccountConcurrency,
  reserved: number,
): readonly string[] {
  const wanted = stepsAtOnce(stage);
  if (wanted <= shared) return [];
  return [
    `The steps of the stage may take ${wanted} executions at once, but they share ${shared} with all other functions of the account. What is beyond that is throttled and waits. ${askFor(reservedByOthers + reserved + wanted)}, or lower concurrency in bin/stages.ts or of single steps.`,
  ];
}

const askFor = (limit: number): string =>
  `Ask AWS for ${limit} (Service Quotas, AWS Lambda, Concurrent executions)`;

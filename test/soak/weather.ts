import type { Fault } from '../../lib/local/demo/faults.ts';
import type { DemoTargets } from '../../lib/local/demo/targets.ts';
import { SOAK_CHAINS, SOAK_TARGETS } from './chains.ts';
import { pause, repeat } from './loop.ts';
import { type Random, seeded } from './random.ts';

/** What a call may meet. */
export const ALL_KINDS = [
  'slow',
  'refused',
  'unavailable',
  /** The effect is there, and the reply comes after the deadline. */
  'late',
  /** The effect itself comes after the deadline. */
  'lateEffect',
  'hang',
  'lostReply',
  'reset',
  'invalidReply',
] as const;
export type Kind = (typeof ALL_KINDS)[number];

/** Shares of calls between which a target's own is drawn. */
const KINDS: Readonly<Record<Kind, readonly [number, number]>> = {
  slow: [0.05, 0.2],
  refused: [0.002, 0.02],
  unavailable: [0.02, 0.08],
  late: [0.001, 0.005],
  lateEffect: [0, 0.002],
  hang: [0, 0.002],
  lostReply: [0.01, 0.04],
  reset: [0.01, 0.04],
  invalidReply: [0.002, 0.02],
};

/** How a target behaves in this run: shares of its calls, and how often it is down. */
export interface Rates {
  readonly shares: ReadonlyMap<Kind, number>;
  readonly outagesPerMinute: number;
}

/** The rates of every target, as the seed says. */
export function drawRates(seed: number): ReadonlyMap<string, Rates> {
  const random = seeded(seed, 'rates');
  const share = (kind: Kind): number => {
    const [least, most] = KINDS[kind];
    return random.between(least, most);
  };
  return new Map(
    SOAK_TARGETS.map((target) => [
      target,
      {
        shares: new Map(ALL_KINDS.map((kind) => [kind, share(kind)])),
        outagesPerMinute: random.between(1, 4),
      },
    ]),
  );
}

/** Milliseconds: between two forecasts, and of an outage. */
const FORECAST_MS = 250;
const OUTAGE_MS = { least: 200, most: 3_000 };
/** Calls that a target gets at most between two forecasts. */
const CALLS_FORESEEN = 60;

/**
 * Has faults on at every target until `signal` says that it is over; then every call under way breaks, as at a target that
 * was started again, and all are well.
 */
export async function weather(
  demo: DemoTargets,
  rates: ReadonlyMap<string, Rates>,
  seed: number,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    [...rates].map(async ([target, its]) => {
      const random = seeded(seed, `weather at ${target}`);
      const timeouts = SOAK_CHAINS.flatMap(({ steps }) => steps.filter((step) => step.target === target));
      const foresee = (): Fault[] =>
        Array.from({ length: CALLS_FORESEEN }, () => fate(its, random, random.pick(timeouts).timeout));
      await repeat(
        () => FORECAST_MS,
        signal,
        async () => {
          if (random.chance((its.outagesPerMinute * FORECAST_MS) / 60_000)) {
            await demo.setFault(target, { down: true });
            await pause(random.between(OUTAGE_MS.least, OUTAGE_MS.most), signal);
          }
          await demo.setFault(target, foresee());
        },
      );
      await demo.setFault(target, { down: true });
      await demo.heal(target);
    }),
  );
}

/** What one call meets. `timeout`: seconds that the caller waits. */
function fate({ shares }: Rates, random: Random, timeout: number): Fault {
  const tooLate = timeout * 1_000 + 1_000;
  let left = random.between(0, 1);
  const kind = ALL_KINDS.find((one) => {
    left -= shares.get(one) ?? 0;
    return left < 0;
  });
  switch (kind) {
    case undefined:
      return { latencyMs: Math.ceil(random.between(1, 30)), times: 1 };
    case 'slow':
      return { latencyMs: Math.ceil(random.between(50, 1_500)), times: 1 };
    case 'refused':
      return { status: random.pick([400, 402, 403, 422]), times: 1 };
    case 'unavailable':
      return { status: random.pick([429, 500, 502, 503]), retryAfter: random.pick(['0', '1', '']), times: 1 };
    case 'late':
      return { latencyMs: tooLate, late: true, times: 1 };
    case 'lateEffect':
      return { latencyMs: tooLate, times: 1 };
    case 'hang':
      return { hang: true, times: 1 };
    case 'lostReply':
      return { drop: 'after', times: 1 };
    case 'reset':
      return { drop: 'before', times: 1 };
    case 'invalidReply':
      return { malformed: random.pick(['json', 'schema', 'empty', 'huge', 'html']), times: 1 };
  }
}

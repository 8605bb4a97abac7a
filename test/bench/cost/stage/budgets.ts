import type { Deployment } from '../../../../lib/cdk/app.ts';
import type { SettledStage } from '../../../../lib/contract/names.ts';
import { type Bill, billOf } from '../bill/bill.ts';
import { idleLines, SECRETS } from '../bill/idle.ts';
import type { IdleRun } from '../measured/idle-run.ts';
import { type CountedStage, countOfSteps, countStage } from './templates.ts';

/** The most that a stage of the shipped chains may cost a month while nothing happens, its secrets left out. In dollars. */
export const BUDGETS = { dev: 6, prod: 16 } as const satisfies Partial<Record<SettledStage, number>>;
export type Budgeted = keyof typeof BUDGETS;

/** Steps of the stages that are shown beside the shipped one. */
export const SIZES = [12, 50, 200] as const;

/** A stage that stands idle. */
export interface IdleStage {
  readonly name: Budgeted;
  /** `shipped`: the shipped chains. Otherwise so many steps. */
  readonly steps: 'shipped' | (typeof SIZES)[number];
  readonly stage: CountedStage;
}

/** The stages `dev` and `prod`, with the shipped chains and with so many steps. */
export async function countIdleStages(
  given: Pick<Deployment, 'chains' | 'stages'>,
  sizes: readonly (typeof SIZES)[number][] = SIZES,
): Promise<readonly IdleStage[]> {
  const all: IdleStage[] = [];
  for (const name of ['dev', 'prod'] as const) {
    all.push({ name, steps: 'shipped', stage: await countStage(name, given) });
    for (const steps of sizes) all.push({ name, steps, stage: countOfSteps(name, given.stages, steps) });
  }
  return all;
}

export interface IdleCost extends IdleStage {
  readonly bill: Bill;
  /** Dollars a month without the secrets, which the budget does not count, and of the secrets. */
  readonly dollars: number;
  readonly secrets: number;
  /** The most that it may cost; undefined where there is no budget. */
  readonly budget: number | undefined;
}

/** What idle stages cost a month. @param runs an idle run of the reconciler of each */
export const idleCosts = (
  idle: readonly IdleStage[],
  runs: Readonly<Record<Budgeted, IdleRun>>,
): readonly IdleCost[] =>
  idle.map((one) => {
    const bill = billOf(idleLines(one.stage.counts, runs[one.name]));
    const secrets = bill.lines.find(({ label }) => label === SECRETS)?.dollars ?? 0;
    const budget = one.steps === 'shipped' ? BUDGETS[one.name] : undefined;
    return { ...one, bill, secrets, dollars: bill.dollars - secrets, budget };
  });

export const isWithin = ({ dollars, budget }: IdleCost): boolean => budget === undefined || dollars <= budget;

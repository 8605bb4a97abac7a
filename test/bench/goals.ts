import { fixed, table } from './table.ts';

/** A bound that the project sets itself. */
export interface Goal {
  readonly label: string;
  readonly measured: number;
  readonly kind: 'least' | 'most';
  readonly bound: number;
}

/** @example isReached({ label: 'MB', measured: 150, kind: 'most', bound: 150 }) // true */
export const isReached = ({ measured, kind, bound }: Goal): boolean =>
  kind === 'least' ? measured >= bound : measured <= bound;

export const goalTable = (goals: readonly Goal[]): string =>
  table(
    ['goal', 'measured', 'wanted', 'reached'],
    goals.map((goal) => [
      ...[goal.label, fixed(goal.measured), `${goal.kind === 'least' ? '>=' : '<='} ${goal.bound}`],
      isReached(goal) ? 'yes' : 'no',
    ]),
  );

import { fixed, table } from '../../table.ts';
import { type Bill, byShare, type PricedLine, together, unconfirmed } from '../bill/bill.ts';
import { PRICES, type Price } from '../bill/prices.ts';
import type { IdleCost } from '../stage/budgets.ts';
import type { Own, Priced, Rival } from './priced.ts';
import type { Reading } from './readings.ts';
import type { Report } from './report.ts';

/** A price that is not confirmed is marked wherever it counts. */
const mark = (known: Price['known']): string => (known === 'unconfirmed' ? ' (unconfirmed)' : '');
const percent = (share: number): string => `${fixed(share * 100, 1)} %`;
const row = (label: string, { quantity, price, known, dollars }: PricedLine): readonly string[] => [
  ...[label + mark(known), short(quantity), PRICES[price].unit, fixed(dollars)],
];
const short = (quantity: number): string => String(Number(quantity.toPrecision(4)));

/** Every line of Stepline's bill, logs at info included, from the dearest on. */
export function ownTable(title: string, own: Own): string {
  const whole = together(own.running, own.keeping, own.logsAtInfo);
  const lines = byShare(whole).map(({ label, quantity, price, dollars, share, known }) => [
    label + mark(known),
    short(quantity),
    PRICES[price].unit,
    fixed(dollars),
    percent(share),
  ]);
  return table([title, 'of one', 'unit', '$ a million', 'share'], lines);
}

export function comparisonTable({ single, batched, rivals }: Report): string {
  const compared = (name: string, priced: Priced, logs: readonly string[]): readonly string[] => [
    name,
    ...[priced.running, priced.keeping, together(priced.running, priced.keeping)].map(totalOf),
    ...logs,
  ];
  const own = (name: string, priced: Own) =>
    compared(name, priced, [priced.logsAtWarn, priced.logsAtInfo].map(totalOf));
  return table(
    ['$ a million workflows', 'running', 'kept 90 days', 'together', '+ logs at warn', '+ logs at info'],
    [
      own('Stepline, one message at a time', single),
      own('Stepline, full batches', batched),
      ...rivals.map((rival) => compared(rival.name, rival, ['not in', 'not in'])),
    ],
  );
}

const totalOf = ({ dollars }: Bill): string => fixed(dollars);

/** Looks at the status: no part of a run, and so in no total. */
export const looksTable = ({ single, rivals }: Report): string =>
  table(
    ['each look at the status, in no total', 'of one', 'unit', '$ a million looks'],
    [{ name: 'Stepline', look: single.look }, ...rivals].flatMap(({ name, look }) => [
      ...look.lines.map((line) => row(`${name}: ${line.label}`, line)),
      [`${name}${look.lines.length === 0 ? ': nothing to look at' : ', together'}`, '', '', totalOf(look)],
    ]),
  );

/** What a stage may pay besides. */
export function besidesTable({ single, batched }: Report): string {
  const both = (label: string, of: (own: Own) => Bill): readonly string[] => [
    label + mark(unconfirmed(of(single)) > 0 ? 'unconfirmed' : 'AWS'),
    ...[single, batched].map((own) => totalOf(of(own))),
  ];
  return table(
    ['in no total, $ a million workflows', 'one at a time', 'full batches'],
    [
      both('with several tenants: fair queues', ({ withTenants }) => withTenants),
      both('X-Ray, many orders a second', ({ traces }) => traces.many),
      both('X-Ray, less than one invocation a second', ({ traces }) => traces.few),
      both('backups (point-in-time recovery)', ({ backups }) => backups),
    ],
  );
}

export function rivalTable({ name, running, keeping }: Rival): string {
  const { lines } = together(running, keeping);
  return table(
    [name, 'of one', 'unit', '$ a million'],
    lines.map((line) => row(line.label, line)),
  );
}

export const readingsTable = (readings: readonly Reading[]): string =>
  table(
    ['beside Step Functions Standard', '$ a million', 'of $', 'part'],
    readings.map(({ mode, counting, dollars, standard, times }) => [
      ...[`${mode}: ${counting}`, fixed(dollars), fixed(standard), `1/${fixed(times, 1)}`],
    ]),
  );

export const monthTable = (title: string, { lines, dollars }: Bill): string =>
  table(
    [title, 'a month', 'unit', '$ a month'],
    [...lines.map((line) => row(line.label, line)), ['together', '', '', fixed(dollars)]],
  );

const DEAREST = [
  'polls of the mappings',
  'looks into the dead-letter queues',
  'alarms, for each metric',
  'dashboards',
  'KMS keys',
];

/** What idle stages of each size cost, side by side. */
export const idleTable = (idle: readonly IdleCost[]): string =>
  table(
    [
      'an idle stage, $ a month',
      ...[
        ...DEAREST,
        'all else',
        'together',
        'budget',
        'and secrets',
        'polls, in millions',
        'looks, in millions',
      ],
    ],
    idle.map(({ name, steps, bill, dollars, secrets, budget }) => {
      const of = (label: string): PricedLine | undefined => bill.lines.find((line) => line.label === label);
      const known = DEAREST.map((label) => of(label)?.dollars ?? 0);
      const rest = dollars - known.reduce((sum, one) => sum + one, 0);
      return [
        `${name}, ${steps === 'shipped' ? 'the shipped chains' : `${steps} steps`}`,
        ...[...known, rest, dollars].map((one) => fixed(one)),
        budget === undefined ? '' : `<= ${budget}`,
        fixed(secrets),
        ...DEAREST.slice(0, 2).map((label) => fixed((of(label)?.quantity ?? 0) / 1_000_000)),
      ];
    }),
  );

export const priceTable = (): string =>
  table(
    ['unit, us-east-1, 2026-11', '$', 'for', 'known from', 'source'],
    Object.values(PRICES).map(({ unit, usd, per, known, source }: Price) => [unit, usd, per, known, source]),
  );

import { fixed, table } from '../table.ts';
import { type Bill, byShare, together } from './bill.ts';
import type { BundleFigures } from './bundles.ts';
import type { Operations } from './orders.ts';
import { PRICES, type Price } from './prices.ts';
import type { Own, Report, Rival, Verdict } from './report.ts';
import { durationMs } from './stepline.ts';
import { PLATFORM_LOG_BYTES } from './written-logs.ts';

/** A price that is not confirmed is marked wherever it counts. */
const mark = (known: Price['known']): string => (known === 'unconfirmed' ? ' (unconfirmed)' : '');
const percent = (share: number): string => `${fixed(share * 100, 1)} %`;
const short = (quantity: number): string => String(Number(quantity.toPrecision(4)));

export function operationsTable(single: Operations, batched: Operations): string {
  const row = (label: string, of: (operations: Operations) => number, digits = 2): readonly string[] => [
    label,
    ...[single, batched].map((operations) => fixed(of(operations), digits)),
  ];
  const invocations = (steps: boolean) => (operations: Operations) =>
    operations.functions
      .filter(({ isStep }) => isStep === steps)
      .reduce((sum, { invocationsPerOrder }) => sum + invocationsPerOrder, 0);
  return table(
    ['operations of one order, as counted', 'one at a time', 'full batches'],
    [
      row('API calls and invocations behind them: start, one status', invocations(false)),
      row('invocations of step functions', invocations(true)),
      row('SQS: sends', ({ sends }) => sends),
      row('SQS: receives by the mappings', ({ receives }) => receives),
      row('SQS: deletes by the mappings', ({ deletes }) => deletes),
      row('DynamoDB: writes', ({ writes }) => writes),
      row('DynamoDB: write units, indexes included', ({ writeUnits }) => writeUnits),
      row('   of them in the indexes', ({ indexWriteUnits }) => indexWriteUnits),
      row('DynamoDB: queries', ({ reads }) => reads),
      row('DynamoDB: read units', ({ readUnits }) => readUnits),
      row('DynamoDB: bytes kept, as billed', ({ storedBytes }) => storedBytes, 0),
      row('log bytes: events at info', ({ eventBytes }) => eventBytes, 0),
      row('log bytes: metrics in the embedded format', ({ metricBytes }) => metricBytes, 0),
      row(
        'log bytes: START, END and REPORT of Lambda (assumed)',
        (operations) => (invocations(false)(operations) + invocations(true)(operations)) * PLATFORM_LOG_BYTES,
        0,
      ),
    ],
  );
}

export function functionsTable(single: Operations, batched: Operations): string {
  const rows = (mode: string, { functions }: Operations): readonly (readonly string[])[] =>
    functions.map((use) => [
      `${use.of}, ${mode}`,
      fixed(use.messagesPerInvocation, 0),
      fixed(use.cpuMs, 1),
      fixed(use.roundTrips, 0),
      fixed(durationMs(use), 0),
    ]);
  return table(
    ['one invocation', 'messages', 'processor here, ms', 'requests to AWS', 'on Lambda, ms'],
    [...rows('one at a time', single), ...rows('full batches', batched)],
  );
}

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
  const owns: readonly (readonly [string, Own])[] = [
    ['Stepline, one message at a time', single],
    ['Stepline, full batches', batched],
  ];
  const row = (name: string, running: Bill, keeping: Bill, logs: readonly string[]): readonly string[] => [
    name,
    ...[running, keeping, together(running, keeping)].map(({ dollars }) => fixed(dollars)),
    ...logs,
  ];
  return table(
    ['$ a million workflows', 'running', 'kept 90 days', 'together', '+ logs at warn', '+ logs at info'],
    [
      ...owns.map(([name, { running, keeping, logsAtWarn, logsAtInfo }]) =>
        row(name, running, keeping, [fixed(logsAtWarn.dollars), fixed(logsAtInfo.dollars)]),
      ),
      ...rivals.map(({ name, running, keeping }) => row(name, running, keeping, ['not in', 'not in'])),
    ],
  );
}

export function rivalTable({ name, running, keeping }: Rival): string {
  const { lines } = together(running, keeping);
  return table(
    [name, 'of one', 'unit', '$ a million'],
    lines.map(({ label, quantity, price, dollars, known }) => [
      ...[label + mark(known), short(quantity), PRICES[price].unit, fixed(dollars)],
    ]),
  );
}

export const verdictTable = (verdicts: readonly Verdict[]): string =>
  table(
    [
      'goal: at most so much of Step Functions Standard',
      '$ a million',
      'of $',
      'measured',
      'wanted',
      'reached',
    ],
    verdicts.map(({ mode, counting, dollars, standard, times, wanted, reached }) => [
      ...[`${mode}: ${counting}`, fixed(dollars), fixed(standard)],
      ...[`1/${fixed(times, 1)}`, `1/${wanted}`, reached ? 'yes' : 'no'],
    ]),
  );

export const monthTable = (title: string, { lines, dollars }: Bill): string =>
  table(
    [title, 'a month', 'unit', '$ a month'],
    [
      ...lines.map(({ label, quantity, price, known, dollars: each }) => [
        ...[label + mark(known), short(quantity), PRICES[price].unit, fixed(each)],
      ]),
      ['together', '', '', fixed(dollars)],
    ],
  );

const KB = 1_024;

export const bundleTable = (bundles: readonly BundleFigures[]): string =>
  table(
    ['function', 'bundle, KB', 'limit, KB', 'within', 'cold start, ms', 'empty, ms', 'times empty'],
    bundles.map(({ name, bytes, limitBytes, initMs, emptyMs, ratio }) => [
      ...[name, fixed(bytes / KB, 0), fixed(limitBytes / KB, 0), bytes <= limitBytes ? 'yes' : 'no'],
      ...[fixed(initMs, 0), fixed(emptyMs, 0), fixed(ratio)],
    ]),
  );

export const priceTable = (): string =>
  table(
    ['unit, us-east-1, 2026-11', '$', 'for', 'known from', 'source'],
    Object.values(PRICES).map(({ unit, usd, per, known, source }: Price) => [unit, usd, per, known, source]),
  );

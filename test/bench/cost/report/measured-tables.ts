import { fixed, table } from '../../table.ts';
import { durationMs } from '../bill/stepline.ts';
import type { BundleFigures } from '../measured/bundles.ts';
import { type FunctionUse, perOrder } from '../measured/function-use.ts';
import type { Operations } from '../measured/orders.ts';
import { PLATFORM_LOG_BYTES } from '../measured/written-logs.ts';

export function operationsTable(single: Operations, batched: Operations): string {
  const row = (label: string, of: (operations: Operations) => number, digits = 2): readonly string[] => [
    label,
    ...[single, batched].map((operations) => fixed(of(operations), digits)),
  ];
  const all =
    (figure: (use: FunctionUse) => number) =>
    ({ functions }: Operations): number =>
      perOrder(functions, figure);
  return table(
    ['operations of one run with its start, as counted', 'one at a time', 'full batches'],
    [
      row(
        'API calls and invocations behind them: start',
        all(({ isStep }) => (isStep ? 0 : 1)),
      ),
      row(
        'invocations of step functions',
        all(({ isStep }) => (isStep ? 1 : 0)),
      ),
      row('SQS: sends', ({ sends }) => sends),
      row('SQS: receives by the mappings', ({ receives }) => receives),
      row('SQS: deletes by the mappings', ({ deletes }) => deletes),
      row('   of all these with a message group', ({ grouped }) => grouped),
      row('DynamoDB: writes', ({ writes }) => writes),
      row('DynamoDB: write units, indexes included', ({ writeUnits }) => writeUnits),
      row('   of them in the indexes', ({ indexWriteUnits }) => indexWriteUnits),
      row(
        'DynamoDB: queries',
        all(({ reads }) => reads),
      ),
      row(
        'DynamoDB: read units',
        all(({ readUnits }) => readUnits),
      ),
      row('DynamoDB: bytes kept, as billed', ({ storedBytes }) => storedBytes, 0),
      row('log bytes: events at info', ({ eventBytes }) => eventBytes, 0),
      row('log bytes: metrics in the embedded format', ({ metricBytes }) => metricBytes, 0),
      row(
        'log bytes: START, END and REPORT of Lambda (assumed)',
        all(() => PLATFORM_LOG_BYTES),
        0,
      ),
    ],
  );
}

export function functionsTable(single: Operations, batched: Operations): string {
  const rows = (mode: string, { functions, look }: Operations): readonly (readonly string[])[] =>
    [...functions, look].map((use) => [
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

const KB = 1_024;

export const bundleTable = (bundles: readonly BundleFigures[]): string =>
  table(
    ['function', 'bundle, KB', 'cold start, ms', 'empty, ms', 'times empty'],
    bundles.map(({ name, bytes, initMs, emptyMs, ratio }) => [
      ...[name, fixed(bytes / KB, 0), fixed(initMs, 0), fixed(emptyMs, 0), fixed(ratio)],
    ]),
  );

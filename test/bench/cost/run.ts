import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { stages } from '../../../bin/stages.ts';
import { chains } from '../../../functions/chains/index.ts';
import { settingsOf } from '../../../lib/cdk/settings.ts';
import { bundleTo } from '../../functions/deployment.ts';
import { type Goal, goalTable, isReached } from '../goals.ts';
import { BenchOptionError, COST_HELP, type CostOptions, readCostOptions } from '../options.ts';
import { fixed } from '../table.ts';
import { unconfirmed } from './bill/bill.ts';
import { emptyingOfMonth, POLLING, POLLS_OF_MONTH } from './bill/idle.ts';
import { PRICES } from './bill/prices.ts';
import { measureBundles } from './measured/bundles.ts';
import { measureIdleRun } from './measured/idle-run.ts';
import { measureOrders } from './measured/orders.ts';
import { ASSUMPTIONS, priceNotes } from './report/assumptions.ts';
import * as measuredTables from './report/measured-tables.ts';
import { HEADLINE } from './report/readings.ts';
import { type Measured, MODES, type Report, reportOf } from './report/report.ts';
import * as tables from './report/tables.ts';
import { countIdleStages, isWithin } from './stage/budgets.ts';
import { customMetrics } from './stage/custom-metrics.ts';
import { countTemplates, STEPS_OF_CHAIN } from './stage/templates.ts';

/*
 * What Stepline costs on AWS: npm run cost. Nothing of AWS is called.
 */

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};
const tell = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const OUT = join(import.meta.dirname, '../../../dist/bench');

async function measure(templates: string | undefined): Promise<Measured> {
  // First, so that templates that cannot be read are told before anything is measured.
  tell('counting what a stage is made of');
  const given = templates === undefined ? undefined : countTemplates(templates);
  const idleStages = await countIdleStages({ chains, stages });
  mkdirSync(OUT, { recursive: true });
  const bundles = mkdtempSync(join(OUT, 'bundles-'));
  try {
    tell('bundling the functions');
    await bundleTo(bundles);
    tell('orders, one message at a time');
    const single = await measureOrders(bundles, { orders: 100, batchSize: 1, logLevel: 'info' });
    tell('orders, full batches');
    const batched = await measureOrders(bundles, { orders: 300, batchSize: 10, logLevel: 'info' });
    tell('orders at log level warn');
    const quiet = await measureOrders(bundles, { orders: 20, batchSize: 1, logLevel: 'warn' });
    tell('orders of several tenants');
    const ofTenants = { orders: 20, logLevel: 'warn', tenants: 2 } as const;
    const tenants = {
      single: await measureOrders(bundles, { ...ofTenants, batchSize: 1 }),
      batched: await measureOrders(bundles, { ...ofTenants, batchSize: 10 }),
    };
    tell('the reconciler, idle');
    const idleRuns = {
      dev: await measureIdleRun(bundles, 60, stages.dev.logLevel),
      prod: await measureIdleRun(bundles, 60, stages.prod.logLevel),
    };
    tell('cold starts');
    return {
      ...{ single, batched, quiet, tenants, idleRuns, idleStages, given },
      customMetrics: {
        dev: customMetrics(chains, settingsOf(stages, 'dev').monitoring),
        prod: customMetrics(chains, settingsOf(stages, 'prod').monitoring),
      },
      bundles: await measureBundles(bundles, 7),
    };
  } finally {
    rmSync(bundles, { recursive: true });
  }
}

/** Stepline costs at most this part of what Step Functions Standard does. */
const goalsOf = ({ readings }: Report): readonly Goal[] =>
  [
    { mode: MODES.single, bound: 6 },
    { mode: MODES.batched, bound: 10 },
  ].flatMap(({ mode, bound }) =>
    readings
      .filter((reading) => reading.mode === mode && reading.counting === HEADLINE)
      .map(({ times }) => ({
        label: `Step Functions Standard, times Stepline: ${mode}`,
        ...{ measured: times, kind: 'least', bound },
      })),
  );

function sayWorkflows(report: Report): void {
  const { measured, single, batched, rivals, readings } = report;
  say(`${measuredTables.operationsTable(measured.single, measured.batched)}\n`);
  say(`${measuredTables.functionsTable(measured.single, measured.batched)}\n`);
  say(`${tables.ownTable(`Stepline, ${MODES.single}, everything`, single)}\n`);
  say(`${tables.ownTable(`Stepline, ${MODES.batched}, everything`, batched)}\n`);
  for (const rival of rivals) {
    say(tables.rivalTable(rival));
    for (const note of rival.notes) say(`  ${note}`);
    say();
  }
  say(`${tables.comparisonTable(report)}\n`);
  say(`${tables.looksTable(report)}\n`);
  say(`${tables.besidesTable(report)}\n`);
  say(tables.readingsTable(readings));
  const [atOnce, inBatches] = [single, batched].map(({ running }) => fixed(unconfirmed(running)));
  say(
    `Of “${HEADLINE}”, $${atOnce} ${MODES.single} and $${inBatches} in ${MODES.batched} rest on prices that are unconfirmed.\n`,
  );
}

const millions = (requests: number): string => fixed(requests / 1_000_000);

function sayMonths({ measured, idle, given, metrics }: Report): void {
  for (const { name, steps, bill, stage } of idle) {
    if (steps !== 'shipped') continue;
    say(`${tables.monthTable(`an idle stage ${name}`, bill)}\n`);
    const { mappings, deadLetterQueues } = stage.counts;
    say(
      `Counted from ${stage.from}. SQS is asked ${millions(mappings * POLLS_OF_MONTH)} million times by ${mappings} mappings, and ${millions(emptyingOfMonth(stage.counts))} million times by the reconciler, which looks into ${deadLetterQueues} dead-letter queues once a minute.`,
    );
    const [polls] = bill.lines;
    const fewest = ((polls?.dollars ?? 0) * POLLING.fewestPollers) / POLLING.pollers;
    say(`With the fewest pollers that Lambda may go down to, the polls cost $${fixed(fewest)}.\n`);
  }
  say(tables.idleTable(idle));
  say(`The others have ${STEPS_OF_CHAIN} steps in a chain. A budget does not count the secrets.\n`);
  if (given !== undefined && measured.given !== undefined) {
    say(`${tables.monthTable('an idle stage of the templates', given)}\n`);
    say(`Counted from ${measured.given.from}.\n`);
  }
  for (const name of ['dev', 'prod'] as const) {
    say(`${tables.monthTable(`${name} in a month with orders, besides`, metrics[name])}\n`);
  }
}

function sayTables(report: Report): void {
  const cores = availableParallelism();
  say(`\nNode ${process.version}, ${cores} cores, ${cpus()[0]?.model ?? 'unknown processor'}\n`);
  sayWorkflows(report);
  sayMonths(report);
  say(`${measuredTables.bundleTable(report.measured.bundles)}\n`);
  say(`${tables.priceTable()}\n`);
  say('Assumptions:');
  for (const line of ASSUMPTIONS) say(`- ${line}`);
  say('\nPrices, beside their sources:');
  for (const line of priceNotes()) say(`- ${line}`);
}

async function run({ json, goals, templates }: CostOptions): Promise<void> {
  const report = reportOf(await measure(templates));
  const wanted = goals ? goalsOf(report) : [];
  const all = { node: process.version, ...report, goals: wanted, prices: PRICES, assumptions: ASSUMPTIONS };
  const text = JSON.stringify(all, null, 2);
  writeFileSync(join(OUT, 'cost.json'), `${text}\n`);
  if (json) say(text);
  else sayTables(report);
  if (goals && !json) say(`\n${goalTable(wanted)}`);
  for (const { name, dollars, budget } of report.idle.filter((one) => !isWithin(one))) {
    tell(`cost: the idle stage ${name} costs $${fixed(dollars)} a month, and its budget is $${budget}`);
    process.exitCode = 1;
  }
  if (!wanted.every(isReached)) process.exitCode = 1;
}

try {
  const options = readCostOptions(process.argv.slice(2));
  if (options === 'help') say(COST_HELP);
  else await run(options);
} catch (error) {
  if (!(error instanceof BenchOptionError)) throw error;
  tell(`cost: ${error.message}`);
  process.exitCode = 2;
}

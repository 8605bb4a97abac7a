import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stages } from '../../bin/stages.ts';
import { chains } from '../../functions/chains/index.ts';
import { bundleTo } from '../functions/deployment.ts';
import { ASSUMPTIONS, priceNotes } from './cost/assumptions.ts';
import { unconfirmed } from './cost/bill.ts';
import { measureBundles } from './cost/bundles.ts';
import { customMetrics } from './cost/custom-metrics.ts';
import { POLLING } from './cost/idle.ts';
import { measureIdleRun } from './cost/idle-run.ts';
import * as measuredTables from './cost/measured-tables.ts';
import { measureOrders } from './cost/orders.ts';
import { PRICES } from './cost/prices.ts';
import { type Measured, reportOf } from './cost/report.ts';
import { countStage, countTemplates } from './cost/stage-templates.ts';
import * as tables from './cost/tables.ts';
import { HEADLINE } from './cost/verdicts.ts';
import { fixed } from './table.ts';

/*
 * What Stepline costs on AWS: npm run cost [-- --templates DIR]. Nothing of AWS is called.
 */

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};
const tell = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const { values: options } = parseArgs({ options: { templates: { type: 'string' } } });
const OUT = join(import.meta.dirname, '../../dist/bench');

async function measure(): Promise<Measured> {
  // First, so that templates that cannot be read are told before anything is measured.
  tell('counting what a stage is made of');
  const { templates } = options;
  const stage = templates === undefined ? await countStage({ chains, stages }) : countTemplates(templates);
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
    const idleRun = await measureIdleRun(bundles, 60);
    tell('cold starts');
    return {
      ...{ single, batched, quiet, tenants, idleRun, stage },
      customMetrics: customMetrics(chains),
      bundles: await measureBundles(bundles, 7),
    };
  } finally {
    rmSync(bundles, { recursive: true });
  }
}

const report = reportOf(await measure());
const { measured, single, batched, rivals, verdicts, idle, metrics } = report;

say(
  `\nNode ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown processor'}\n`,
);
say(`${measuredTables.operationsTable(measured.single, measured.batched)}\n`);
say(`${measuredTables.functionsTable(measured.single, measured.batched)}\n`);
say(`${tables.ownTable('Stepline, one message at a time, everything', single)}\n`);
say(`${tables.ownTable('Stepline, full batches, everything', batched)}\n`);
for (const rival of rivals) {
  say(tables.rivalTable(rival));
  for (const note of rival.notes) say(`  ${note}`);
  say();
}
say(`${tables.comparisonTable(report)}\n`);
say(`${tables.looksTable(report)}\n`);
say(`${tables.besidesTable(report)}\n`);
say(tables.verdictTable(verdicts));
const [atOnce, inBatches] = [single, batched].map(({ running }) => fixed(unconfirmed(running)));
say(`The goal is the line “${HEADLINE}”; the others show what hangs on that.`);
say(
  `Of it $${atOnce} one message at a time and $${inBatches} in full batches stand on prices that are unconfirmed.\n`,
);
say(`${tables.monthTable('an idle stage', idle)}\n`);
say(`Counted from ${measured.stage.from}.`);
const [polls] = idle.lines;
const fewest = ((polls?.dollars ?? 0) * POLLING.fewestPollers) / POLLING.pollers;
say(`With the fewest pollers that Lambda may go down to, the polls cost $${fixed(fewest)}.\n`);
say(`${tables.monthTable('in a month with orders, besides', metrics)}\n`);
say(`${measuredTables.bundleTable(measured.bundles)}\n`);
say(`${tables.priceTable()}\n`);
say('Assumptions:');
for (const line of ASSUMPTIONS) say(`- ${line}`);
say('\nPrices, beside their sources:');
for (const line of priceNotes()) say(`- ${line}`);

const json = JSON.stringify(
  { node: process.version, ...report, prices: PRICES, assumptions: ASSUMPTIONS },
  null,
  2,
);
writeFileSync(join(OUT, 'cost.json'), `${json}\n`);
say(`\n${json}`);

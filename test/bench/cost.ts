import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chains } from '../../functions/chains/index.ts';
import { bundleTo } from '../functions/deployment.ts';
import { ASSUMPTIONS, priceNotes } from './cost/assumptions.ts';
import { unconfirmed } from './cost/bill.ts';
import { measureBundles } from './cost/bundles.ts';
import { POLLING } from './cost/idle.ts';
import { measureIdleRun, measureOrders } from './cost/orders.ts';
import { PRICES } from './cost/prices.ts';
import { type Measured, reportOf } from './cost/report.ts';
import { countResources } from './cost/resources.ts';
import * as tables from './cost/tables.ts';
import { fixed } from './table.ts';

/*
 * What Stepline costs on AWS: npm run cost [-- --templates cdk.out]. Nothing of AWS is called.
 */

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};
const tell = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const { values: options } = parseArgs({ options: { templates: { type: 'string' } } });
const OUT = join(import.meta.dirname, '../../dist/bench');

/** Of the synthesized stage; without one, of what is certain of it. */
function resources(): Measured['resources'] {
  const { templates: directory } = options;
  if (directory !== undefined) {
    const files = existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
    const names = files.filter((name) => name.endsWith('.template.json'));
    if (names.length === 0)
      throw new Error(`there are no templates in ${directory}: npx cdk synth makes them`);
    const templates = names.map((name): unknown => JSON.parse(readFileSync(join(directory, name), 'utf8')));
    return { counts: countResources(templates), from: names.join(', ') };
  }
  const steps = new Set(chains.flatMap(({ name, steps }) => steps.map((step) => `${name} ${step.name}`)))
    .size;
  const none = { alarms: 0, compositeAlarms: 0, dashboards: 0, keys: 0, secrets: 0 };
  return {
    counts: { ...none, mappings: 2 * steps, schedules: 1 },
    from: `the ${steps} steps of the shipped chains alone, without alarms, dashboards, keys and secrets: npx cdk synth, then npm run cost -- --templates cdk.out`,
  };
}

async function measure(): Promise<Measured> {
  // First, so that templates that cannot be read are told before anything is measured.
  const stage = resources();
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
    tell('the reconciler, idle');
    const idleRun = await measureIdleRun(bundles, 60);
    tell('cold starts');
    return {
      ...{ single, batched, quiet, idleRun },
      bundles: await measureBundles(bundles, 7),
      resources: stage,
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
say(`${tables.operationsTable(measured.single, measured.batched)}\n`);
say(`${tables.functionsTable(measured.single, measured.batched)}\n`);
say(`${tables.ownTable('Stepline, one message at a time, everything', single)}\n`);
say(`${tables.ownTable('Stepline, full batches, everything', batched)}\n`);
for (const rival of rivals) {
  say(tables.rivalTable(rival));
  for (const note of rival.notes) say(`  ${note}`);
  say();
}
say(`${tables.comparisonTable(report)}\n`);
say(
  `Backups (point-in-time recovery), in no total: $${fixed(single.backups.dollars)} a million workflows (unconfirmed)\n`,
);
say(`${tables.verdictTable(verdicts)}\n`);
const [atOnce, inBatches] = [single, batched].map(({ running }) => fixed(unconfirmed(running)));
say(
  `Of “running” the surcharge of fair queues is unconfirmed: $${atOnce} one message at a time, $${inBatches} in full batches.\n`,
);
say(`${tables.monthTable('an idle stage', idle)}\n`);
say(`Counted from ${measured.resources.from}.`);
const [polls] = idle.lines;
const fewest = ((polls?.dollars ?? 0) * POLLING.fewestPollers) / POLLING.pollers;
say(`With the fewest pollers that Lambda may go down to, the polls cost $${fixed(fewest)}.\n`);
say(`${tables.monthTable('in a month with orders, besides', metrics)}\n`);
say(`${tables.bundleTable(measured.bundles)}\n`);
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

import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { type Capacity, type Costs, measureCapacity, measureCosts } from './costs.ts';
import { type Goal, goalTable, isReached } from './goals.ts';
import { BENCH_HELP, BenchOptionError, type BenchOptions, readBenchOptions } from './options.ts';
import { fixed, table } from './table.ts';
import { measureThroughput, type ServerFigures, type Throughput } from './throughput.ts';

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};

const tell = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

function throughputTable({ stepline, plain, bare }: Throughput): string {
  const rows: readonly (readonly [string, keyof ServerFigures, number])[] = [
    ['workflows per second, 50 at a time', 'perSecond', 0],
    ['start answered, p50, ms', 'startP50', 2],
    ['start answered, p99, ms', 'startP99', 2],
    ['start to completion one at a time, p50, ms', 'completionP50', 2],
    ['start to completion one at a time, p95, ms', 'completionP95', 2],
    ['start to completion one at a time, p99, ms', 'completionP99', 2],
    ['processor time per workflow, ms', 'cpuMsPerWorkflow', 2],
    ['resident memory at its peak, MB', 'peakMb', 0],
  ];
  return table(
    ['three-step orders, every step on disk', 'Stepline', 'plain', 'bare'],
    rows.map(([label, key, digits]) => [
      label,
      ...[stepline, plain, bare].map((figures) => fixed(figures[key], digits)),
    ]),
  );
}

/** What is to be reached on a machine of two cores. */
const goalsOf = ({ throughput, capacity }: Report): readonly Goal[] => {
  const { toPlain, toBare, stepline } = throughput;
  return (
    [
      ['workflows per second, of the plain server’s', toPlain.perSecond, 'least', 0.6],
      ['workflows per second, of the bare server’s', toBare.perSecond, 'least', 0.6],
      ['start to completion p50, times the plain server’s', toPlain.completionP50, 'most', 2.5],
      ['start to completion p50, times the bare server’s', toBare.completionP50, 'most', 2.5],
      ['processor time per workflow, ms', stepline.cpuMsPerWorkflow, 'most', 1.5],
      ['resident memory, MB', stepline.peakMb, 'most', 150],
      ['DynamoDB write units per order', capacity.writeUnits, 'most', 13],
    ] as const
  ).map(([label, measured, kind, bound]) => ({ label, measured, kind, bound }));
};

const ratioTable = ({ toPlain, toBare }: Throughput): string =>
  table(
    ['Stepline’s', 'times plain’s', 'times bare’s'],
    [
      ['workflows per second', fixed(toPlain.perSecond), fixed(toBare.perSecond)],
      ['start to completion one at a time, p50', fixed(toPlain.completionP50), fixed(toBare.completionP50)],
    ],
  );

const costTable = (costs: readonly Costs[]): string =>
  table(
    ['steps', 'META writes', 'step writes', 'queries', 'messages', 'bytes written', 'bytes read'],
    costs.map((cost) => [
      ...[cost.steps, cost.metaWrites, cost.stepWrites, cost.queries, cost.messages],
      ...[cost.bytesWritten, cost.bytesRead],
    ]),
  );

interface Report {
  readonly throughput: Throughput;
  readonly costs: readonly Costs[];
  readonly capacity: Capacity;
}

const measure = async (): Promise<Report> => ({
  throughput: await measureThroughput(tell),
  costs: await measureCosts(),
  capacity: await measureCapacity(),
});

function sayTables({ throughput, costs, capacity }: Report): void {
  const cores = availableParallelism();
  say(`\nNode ${process.version}, ${cores} cores, ${cpus()[0]?.model ?? 'unknown processor'}`);
  const { fsyncP50, fsyncP95 } = throughput;
  say(`fdatasync of 4 KB: p50 ${fixed(fsyncP50)} ms, p95 ${fixed(fsyncP95)} ms\n`);
  say(throughputTable(throughput));
  say(
    '\nPlain and bare are Node servers that make the same three calls and save nothing: plain with fetch, bare',
  );
  say('with node:http. They run in turn with Stepline; each ratio is the median of the rounds.\n');
  say(`${ratioTable(throughput)}\n`);
  say(`One workflow, by the length of its chain:\n\n${costTable(costs)}\n`);
  const { writeUnits, indexWriteUnits, readUnits, writes, reads } = capacity;
  say(
    `DynamoDB, one order: ${writeUnits} write units in ${writes} writes, ${indexWriteUnits} of them in the indexes;`,
  );
  say(`${readUnits} read units in ${reads} queries`);
}

async function run({ json, goals }: BenchOptions): Promise<void> {
  const report = await measure();
  const wanted = goals ? goalsOf(report) : [];
  const text = JSON.stringify({ node: process.version, ...report, goals: wanted }, null, 2);
  const directory = join(import.meta.dirname, '../../dist/bench');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'report.json'), `${text}\n`);
  if (json) say(text);
  else sayTables(report);
  if (goals && !json) say(`\n${goalTable(wanted)}`);
  if (!wanted.every(isReached)) process.exitCode = 1;
}

try {
  const options = readBenchOptions(process.argv.slice(2));
  if (options === 'help') say(BENCH_HELP);
  else await run(options);
} catch (error) {
  if (!(error instanceof BenchOptionError)) throw error;
  tell(`bench: ${error.message}`);
  process.exitCode = 2;
}

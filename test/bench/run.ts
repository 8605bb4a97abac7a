import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { type Capacity, type Costs, measureCapacity, measureCosts } from './costs.ts';
import { fixed, table } from './table.ts';
import { measureThroughput, type ServerFigures, type Throughput } from './throughput.ts';

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
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
function goalTable({ toPlain, toBare, stepline }: Throughput, { writeUnits }: Capacity): string {
  const goals: readonly (readonly [string, number, 'least' | 'most', number])[] = [
    ['workflows per second, of the plain server’s', toPlain.perSecond, 'least', 0.6],
    ['workflows per second, of the bare server’s', toBare.perSecond, 'least', 0.6],
    ['start to completion p50, times the plain server’s', toPlain.completionP50, 'most', 2.5],
    ['start to completion p50, times the bare server’s', toBare.completionP50, 'most', 2.5],
    ['processor time per workflow, ms', stepline.cpuMsPerWorkflow, 'most', 1.5],
    ['resident memory, MB', stepline.peakMb, 'most', 150],
    ['DynamoDB write units per order', writeUnits, 'most', 13],
  ];
  return table(
    ['goal', 'measured', 'wanted', 'reached'],
    goals.map(([label, value, kind, bound]) => [
      ...[label, fixed(value), `${kind === 'least' ? '>=' : '<='} ${bound}`],
      (kind === 'least' ? value >= bound : value <= bound) ? 'yes' : 'no',
    ]),
  );
}

const costTable = (costs: readonly Costs[]): string =>
  table(
    ['steps', 'META writes', 'step writes', 'queries', 'messages', 'bytes written', 'bytes read'],
    costs.map((cost) => [
      ...[cost.steps, cost.metaWrites, cost.stepWrites, cost.queries, cost.messages],
      ...[cost.bytesWritten, cost.bytesRead],
    ]),
  );

const throughput = await measureThroughput((line) => process.stderr.write(`${line}\n`));
const costs = await measureCosts();
const capacity = await measureCapacity();

say(`\nNode ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown processor'}`);
say(`fdatasync of 4 KB: p50 ${fixed(throughput.fsyncP50)} ms, p95 ${fixed(throughput.fsyncP95)} ms\n`);
say(throughputTable(throughput));
say(
  '\nPlain and bare are Node servers that make the same three calls and save nothing, with fetch and with node:http.\n',
);
say(`One workflow, by the length of its chain:\n\n${costTable(costs)}\n`);
const { writeUnits, indexWriteUnits, readUnits, writes, reads } = capacity;
say(
  `DynamoDB, one order: ${writeUnits} write units in ${writes} writes, ${indexWriteUnits} of them in the indexes; ${readUnits} read units in ${reads} queries
`,
);
say(goalTable(throughput, capacity));

const report = JSON.stringify({ node: process.version, throughput, costs, capacity }, null, 2);
const directory = join(import.meta.dirname, '../../dist/bench');
mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, 'report.json'), `${report}\n`);
say(`\n${report}`);

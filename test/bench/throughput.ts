import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { targetsCalledBy } from '../../lib/local/targets.ts';
import { buildTestServer, TEST_SERVER } from '../support/build.ts';
import { chains } from '../support/shipped-chains.ts';
import { drive, type LoadResult, type Measured, startMeasured, startTarget, type Target } from './driver.ts';
import { median, percentile } from './statistics.ts';

const ROOT = join(import.meta.dirname, '../..');
const OUT = join(ROOT, 'dist/bench');
const script = (name: string): string => join(OUT, `${name}.js`);

const WARM_UP = { orders: 300, concurrency: 50 };
const LOADED = { orders: 1_000, concurrency: 50 };
const ONE_BY_ONE = { orders: 50, concurrency: 1 };
const ROUNDS = 5;

/** Of one server. Times in milliseconds. */
export interface ServerFigures {
  readonly perSecond: number;
  readonly startP50: number;
  readonly startP99: number;
  readonly completionP50: number;
  readonly completionP95: number;
  readonly completionP99: number;
  readonly cpuMsPerWorkflow: number;
  readonly peakMb: number;
}

/** Medians of the ratios of Stepline to a ceiling, of rounds that ran one after the other. */
export interface Ratio {
  readonly perSecond: number;
  readonly completionP50: number;
}

export interface Throughput {
  readonly stepline: ServerFigures;
  /** Calls with Node's own fetch. */
  readonly plain: ServerFigures;
  /** Calls with node:http: the least that a call can cost. */
  readonly bare: ServerFigures;
  readonly toPlain: Ratio;
  readonly toBare: Ratio;
  /** Milliseconds of one fdatasync of 4 KB on the disk that the store uses. */
  readonly fsyncP50: number;
  readonly fsyncP95: number;
}

interface Round {
  readonly loaded: LoadResult;
  readonly single: LoadResult;
}

/** Stepline with its store on disk, and the ceilings, in turn under the same load. The built server must be there. */
export async function measureThroughput(say: (line: string) => void): Promise<Throughput> {
  await build({
    entryPoints: ['usage', 'target', 'ceiling'].map((name) => join(import.meta.dirname, `${name}.ts`)),
    outdir: OUT,
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  mkdirSync(OUT, { recursive: true });
  const data = mkdtempSync(join(OUT, 'data-'));
  const stops: (() => Promise<void>)[] = [];
  try {
    const target = await startTarget(script('target'));
    stops.push(target.stop);
    const preload = pathToFileURL(script('usage')).href;
    const begin = async (file: string, args: readonly string[]): Promise<Measured> => {
      const server = await startMeasured(file, args, preload);
      stops.push(server.stop);
      return server;
    };
    const plain = await begin(script('ceiling'), [target.baseUrl, 'plain']);
    const bare = await begin(script('ceiling'), [target.baseUrl, 'bare']);
    const targets = join(data, 'targets.json');
    const { baseUrl } = target;
    const settings = targetsCalledBy(chains).map((name) => [name, { baseUrl }]);
    writeFileSync(targets, JSON.stringify(Object.fromEntries(settings)));
    buildTestServer();
    const stepline = await begin(TEST_SERVER, [
      ...['--port', '0', '--no-sample', '--log-level', 'error'],
      ...['--data', join(data, 'store'), '--targets', targets],
    ]);
    const fsync = fsyncTimes(data);
    const servers = { plain, bare, stepline };
    const rounds: Record<keyof typeof servers, Round>[] = [];
    for (const server of Object.values(servers)) await drive(server, target, WARM_UP);
    for (let round = 1; round <= ROUNDS; round += 1) {
      say(`round ${round} of ${ROUNDS}`);
      rounds.push({
        plain: await play(plain, target),
        bare: await play(bare, target),
        stepline: await play(stepline, target),
      });
    }
    const figuresOf = (name: keyof typeof servers): Promise<ServerFigures> =>
      figures(
        servers[name],
        rounds.map((round) => round[name]),
      );
    const ratioTo = (ceiling: 'plain' | 'bare'): Ratio => {
      const ratioOf = (of: (round: Round) => number): number =>
        median(rounds.map((round) => of(round.stepline) / of(round[ceiling])));
      return {
        perSecond: ratioOf(({ loaded }) => loaded.perSecond),
        completionP50: ratioOf(({ single }) => percentile(single.completion, 50)),
      };
    };
    return {
      stepline: await figuresOf('stepline'),
      plain: await figuresOf('plain'),
      bare: await figuresOf('bare'),
      toPlain: ratioTo('plain'),
      toBare: ratioTo('bare'),
      fsyncP50: percentile(fsync, 50),
      fsyncP95: percentile(fsync, 95),
    };
  } finally {
    for (const stop of stops.reverse()) await stop();
    rmSync(data, { recursive: true });
  }
}

const play = async (server: Measured, target: Target): Promise<Round> => ({
  loaded: await drive(server, target, LOADED),
  single: await drive(server, target, ONE_BY_ONE),
});

async function figures(server: Measured, rounds: readonly Round[]): Promise<ServerFigures> {
  const { peakBytes } = await server.usage();
  const middle = (of: (round: Round) => number): number => median(rounds.map(of));
  return {
    perSecond: middle(({ loaded }) => loaded.perSecond),
    startP50: middle(({ loaded }) => percentile(loaded.start, 50)),
    startP99: middle(({ loaded }) => percentile(loaded.start, 99)),
    completionP50: middle(({ single }) => percentile(single.completion, 50)),
    completionP95: middle(({ single }) => percentile(single.completion, 95)),
    completionP99: middle(({ single }) => percentile(single.completion, 99)),
    cpuMsPerWorkflow: middle(({ loaded }) => loaded.cpuMsPerOrder),
    peakMb: peakBytes / 1_048_576,
  };
}

function fsyncTimes(directory: string): readonly number[] {
  const file = openSync(join(directory, 'fsync'), 'w');
  const block = Buffer.alloc(4_096, 1);
  try {
    return Array.from({ length: 300 }, () => {
      writeSync(file, block);
      const begun = performance.now();
      fdatasyncSync(file);
      return performance.now() - begun;
    }).sort((a, b) => a - b);
  } finally {
    closeSync(file);
  }
}

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { createLambdaTelemetry } from '../../../lib/adapters/lambda/telemetry.ts';
import { settingsOf } from '../../../lib/cdk/settings.ts';
import { registry } from '../../../lib/chain/registry.ts';
import { METRIC_NAMESPACE, type Monitoring, STAGE_NAMES } from '../../../lib/contract/names.ts';
import { ALL_EVENTS } from '../../support/engine-events.ts';
import { chains } from '../../support/shipped-chains.ts';
import { stages } from '../fixture-stages.ts';
import { askedBy } from './monitored.ts';

let written = '';
beforeEach(() => {
  written = '';
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      written += String(chunk);
      return true;
    });
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

const embedded = z.object({
  _aws: z.object({
    CloudWatchMetrics: z.array(
      z.object({
        Namespace: z.string(),
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.object({ Name: z.string(), Unit: z.string() })),
      }),
    ),
  }),
});

/** A metric by its namespace, its name and the names of its dimensions. */
const identity = (namespace: string, name: string, dimensions: readonly string[]): string =>
  `${namespace} ${name} {${[...dimensions].sort().join(', ')}}`;

/** Every metric that the code of such a stage can publish, as CloudWatch reads it of the functions' output; and its unit. */
function published(monitoring: Monitoring): ReadonlyMap<string, string> {
  const telemetry = createLambdaTelemetry({ stage: 'dev', logLevel: 'silent', monitoring });
  for (const event of ALL_EVENTS) telemetry.emit(event);
  const lines = written.split('\n').filter((line) => line.includes('"_aws"'));
  const sets = lines.flatMap((line) => embedded.parse(JSON.parse(line))._aws.CloudWatchMetrics);
  return new Map(
    sets.flatMap(({ Namespace, Dimensions, Metrics }) =>
      Dimensions.flatMap((set) =>
        Metrics.map(({ Name, Unit }) => [identity(Namespace, Name, set), Unit] as const),
      ),
    ),
  );
}

const ours = async (stage: (typeof STAGE_NAMES)[number]) =>
  (await askedBy(stage)).filter(({ namespace }) => namespace === METRIC_NAMESPACE);

describe('the metrics that alarms and dashboards ask for', () => {
  it.each(STAGE_NAMES)(
    'are in %s all published, with exactly these dimensions and this unit',
    async (stage) => {
      const asked = await ours(stage);
      const known = published(settingsOf(stages, stage).monitoring);
      expect(asked).not.toEqual([]);
      for (const { by, namespace, name, dimensions, unit } of asked) {
        const id = identity(namespace, name, Object.keys(dimensions));
        expect([...known.keys()], by).toContain(id);
        if (unit !== undefined) expect(unit, by).toBe(known.get(id));
      }
    },
  );

  it('are on a lean stage of no step', async () => {
    for (const { by, dimensions } of await ours('staging')) expect(dimensions.step, by).toBeUndefined();
  });

  it.each(STAGE_NAMES)('are in %s about this stage, its chains and their steps', async (stage) => {
    const steps = new Map(
      registry(chains).current.map(({ name, steps }) => [name, steps.map((s) => s.name)]),
    );
    for (const { by, dimensions } of await ours(stage)) {
      expect(dimensions.stage, by).toBe(stage);
      const { chain, step } = dimensions;
      if (chain !== undefined) expect([...steps.keys()], by).toContain(chain);
      if (step !== undefined) expect(steps.get(String(chain)), by).toContain(step);
    }
  });

  it('count what is counted, and never add up a duration or an age', async () => {
    const known = published('full');
    for (const { by, namespace, name, dimensions, statistic } of await ours('dev')) {
      const unit = known.get(identity(namespace, name, Object.keys(dimensions)));
      if (unit === 'Count') expect(statistic, by).toBe('Sum');
      else expect(statistic, by).toMatch(/^(Maximum|p\d\d)$/);
    }
  });
});

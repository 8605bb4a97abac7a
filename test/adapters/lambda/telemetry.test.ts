import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { metricsOf } from '../../../lib/adapters/lambda/metrics.ts';
import { createLambdaTelemetry } from '../../../lib/adapters/lambda/telemetry.ts';
import { LOG_LEVELS, type LogLevel, METRICS } from '../../../lib/contract/names.ts';
import { type EngineEvent, EVENT_LEVELS } from '../../../lib/engine/events.ts';
import { ALL_EVENTS, EVENTS } from '../../support/engine-events.ts';

let written = '';
beforeEach(() => {
  written = '';
  const catching = (chunk: unknown): boolean => {
    written += String(chunk);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(catching);
  vi.spyOn(process.stderr, 'write').mockImplementation(catching);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const emf = z.looseObject({
  _aws: z.strictObject({
    Timestamp: z.int(),
    CloudWatchMetrics: z.array(
      z.strictObject({
        Namespace: z.string(),
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.strictObject({ Name: z.string(), Unit: z.string() })),
      }),
    ),
  }),
});

/** The metrics that CloudWatch reads of a line. */
const namesOf = ({ _aws }: z.infer<typeof emf>): readonly string[] =>
  _aws.CloudWatchMetrics.flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name));

/** What a function writes when these events happen: log lines, and metrics in CloudWatch's embedded format. */
function told(events: readonly EngineEvent[], logLevel: LogLevel = 'debug') {
  const telemetry = createLambdaTelemetry({ stage: 'test', logLevel, monitoring: 'full' });
  for (const event of events) telemetry.emit(event);
  const lines = written.split('\n').filter((line) => line !== '');
  const records = lines.map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
  return {
    logs: records.filter((record) => !('_aws' in record)),
    metrics: records.filter((record) => '_aws' in record).map((record) => emf.parse(record)),
  };
}

describe('the log line of an event', () => {
  it.each(ALL_EVENTS)('$event is one line of JSON with its level, stage and everything it tells', (event) => {
    const { logs } = told([event]);
    expect(logs).toEqual([
      {
        ...event,
        level: EVENT_LEVELS[event.event],
        stage: 'test',
        service: 'stepline',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      },
    ]);
  });

  it('can be found by workflow, chain, step and attempt where the event has them', () => {
    const { logs } = told([EVENTS.step_retrying, EVENTS.workflow_started, EVENTS.message_parked]);
    expect(logs[0]).toMatchObject({
      workflowId: EVENTS.step_retrying.workflowId,
      chain: 'order-processing',
      step: 'payment',
      epoch: 1,
      attempt: 2,
    });
    expect(logs[1]).toMatchObject({ workflowId: EVENTS.workflow_started.workflowId });
    expect(logs[1]).not.toHaveProperty('step');
    expect(logs[2]).not.toHaveProperty('workflowId');
  });

  it('stays one line whatever a reply says', () => {
    const message = 'first\nsecond\r\n{"level":"INFO"}\u2028';
    const { logs } = told([{ ...EVENTS.step_failed, error: { ...EVENTS.step_failed.error, message } }]);
    expect(logs).toHaveLength(1);
    expect(logs[0]).toMatchObject({ error: { message } });
  });
});

describe('the log level', () => {
  it.each(LOG_LEVELS)('%s shows the events that are as loud or louder, and no others', (level) => {
    const least = LOG_LEVELS.indexOf(level);
    const loud = ALL_EVENTS.filter(({ event }) => LOG_LEVELS.indexOf(EVENT_LEVELS[event]) >= least);
    const { logs } = told(ALL_EVENTS, level);
    expect(logs.map(({ event }) => event)).toEqual(loud.map(({ event }) => event));
  });

  it.each(LOG_LEVELS)('%s counts every event all the same', (level) => {
    const counted = told(ALL_EVENTS, level).metrics.flatMap(namesOf);
    expect(counted).toEqual(ALL_EVENTS.flatMap(metricsOf).map(({ name }) => name));
  });
});

describe('a metric', () => {
  it.each(ALL_EVENTS)('of $event is in the embedded format, under its dimensions and no other', (event) => {
    const figures = metricsOf(event);
    const dimensions = figures[0]?.dimensions ?? {};
    // Nothing is told about two things at once: one line is enough for an event.
    for (const figure of figures) expect(figure.dimensions).toEqual(dimensions);
    const line = {
      _aws: {
        Timestamp: expect.any(Number),
        CloudWatchMetrics: [
          {
            Namespace: 'Stepline',
            Dimensions: [['stage', ...Object.keys(dimensions)]],
            Metrics: figures.map(({ name, unit }) => ({ Name: name, Unit: unit })),
          },
        ],
      },
      stage: 'test',
      ...dimensions,
      ...Object.fromEntries(figures.map(({ name, value }) => [name, value])),
    };
    expect(told([event]).metrics).toEqual(figures.length === 0 ? [] : [line]);
  });

  it('has the dimensions stage, stage and chain, or stage, chain and step', () => {
    const sets = told(ALL_EVENTS).metrics.flatMap(({ _aws }) =>
      _aws.CloudWatchMetrics.flatMap(({ Dimensions }) => Dimensions.map((set) => set.join())),
    );
    expect([...new Set(sets)].sort()).toEqual(['stage', 'stage,chain', 'stage,chain,step']);
  });

  it('never has the dimension service, which an alarm would have to name too', () => {
    for (const metric of told(ALL_EVENTS).metrics) expect(metric).not.toHaveProperty('service');
  });

  it('keeps nothing of the event before it', () => {
    const { metrics } = told([EVENTS.attempt_started, EVENTS.message_parked, EVENTS.workflow_started]);
    expect(metrics.map((metric) => Object.keys(metric).sort())).toEqual([
      [METRICS.attempts, '_aws', 'chain', 'stage', 'step'].sort(),
      [METRICS.parked, '_aws', 'stage'].sort(),
      [METRICS.workflowsStarted, '_aws', 'chain', 'stage'].sort(),
    ]);
  });
});

/** A value that JSON.stringify fails on. */
const unwritable = () => ({
  toJSON: () => {
    throw new Error('cannot be told');
  },
});

describe('telemetry that fails', () => {
  it.each<[string, unknown]>([
    ['an event of a kind that nobody knows', { event: 'unheard of' }],
    ['an event that cannot be written as JSON', { ...EVENTS.workflow_failed, error: unwritable() }],
    ['an event without a figure', { ...EVENTS.step_completed, durationMs: undefined }],
  ])('never throws: %s is complained of, and the work goes on', (_, event) => {
    const complaints = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const telemetry = createLambdaTelemetry({ stage: 'test', logLevel: 'debug', monitoring: 'full' });
    expect(() => telemetry.emit(event as EngineEvent)).not.toThrow();
    expect(complaints).toHaveBeenCalledOnce();
  });

  it('goes on with the next event', () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const { logs, metrics } = told([
      { event: 'unheard of' } as unknown as EngineEvent,
      EVENTS.workflow_started,
    ]);
    expect(logs.map(({ event }) => event)).toEqual(['workflow_started']);
    expect(metrics).toHaveLength(1);
  });

  it('leaves nothing of a refused figure to the next event', () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const broken = { ...EVENTS.step_failed, durationMs: undefined } as unknown as EngineEvent;
    const { metrics } = told([broken, EVENTS.message_parked]);
    expect(metrics.map((line) => Object.keys(line).sort())).toEqual([
      [METRICS.parked, '_aws', 'stage'].sort(),
    ]);
  });

  it('does not throw where the output is closed', () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    vi.spyOn(process.stdout, 'write').mockImplementation(() => {
      throw new Error('EPIPE');
    });
    const telemetry = createLambdaTelemetry({ stage: 'test', logLevel: 'debug', monitoring: 'full' });
    expect(() => telemetry.emit(EVENTS.workflow_started)).not.toThrow();
  });
});

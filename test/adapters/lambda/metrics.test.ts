import { describe, expect, it } from 'vitest';
import { type Metric, metricsOf, watchedAs } from '../../../lib/adapters/lambda/metrics.ts';
import { METRICS } from '../../../lib/contract/names.ts';
import type { EngineEvent } from '../../../lib/engine/events.ts';
import { ALL_EVENTS, EVENTS } from '../../support/engine-events.ts';

const CHAIN = { chain: 'order-processing' };
const STEP = { ...CHAIN, step: 'payment' };
const one = (name: Metric['name'], dimensions: Metric['dimensions']): Metric => ({
  name,
  unit: 'Count',
  value: 1,
  dimensions,
});
const took = (value: number): Metric => ({
  name: 'AttemptDuration',
  unit: 'Milliseconds',
  value,
  dimensions: STEP,
});

/** What each event counts. Names are spelt out: alarms and dashboards of a running stage depend on them. */
const COUNTED: { readonly [Name in EngineEvent['event']]: readonly Metric[] } = {
  workflow_started: [one('WorkflowsStarted', CHAIN)],
  workflow_completed: [one('WorkflowsCompleted', CHAIN)],
  workflow_failed: [one('WorkflowsFailed', CHAIN)],
  workflow_erased: [],
  workflow_cancelled: [one('WorkflowsCancelled', CHAIN)],
  workflow_resumed: [one('WorkflowsResumed', CHAIN)],
  workflow_compensating: [one('WorkflowsCompensating', CHAIN)],
  workflow_compensated: [one('WorkflowsCompensated', CHAIN)],
  compensation_failed: [one('CompensationsFailed', {})],
  attempt_started: [one('Attempts', STEP)],
  step_completed: [took(80)],
  lookup_answered: [],
  step_skipped: [],
  step_retrying: [one('AttemptsFailed', STEP), took(90)],
  step_failed: [one('StepsFailed', STEP), one('AttemptsFailed', STEP), took(100)],
  output_failed: [],
  claim_put_back: [],
  message_dead_lettered: [],
  message_ignored: [],
  dead_letter: [one('DeadLetters', STEP)],
  repaired: [one('Repairs', {})],
  digest_published: [],
  message_parked: [one('MessagesParked', {})],
  overdue: [],
  most_overdue: [{ name: 'Overdue', unit: 'None', value: 1.5, dimensions: {} }],
  oldest_unclaimed: [{ name: 'OldestUnclaimedStep', unit: 'Milliseconds', value: 950_000, dimensions: {} }],
  unexpected_error: [one('UnexpectedErrors', {})],
};

const byName = (metrics: readonly Metric[]): Metric[] =>
  [...metrics].sort((a, b) => (a.name < b.name ? -1 : 1));

describe('the metrics of an event', () => {
  it.each(ALL_EVENTS)('$event are exactly those of the table', (event) => {
    expect(byName(metricsOf(event))).toEqual(byName(COUNTED[event.event]));
  });

  it.each(['attempt_started', 'step_completed', 'step_retrying', 'step_failed'] as const)(
    '%s of an undo are those of its step, and of a lookup none: no alarm of attempts sounds where a target is only asked',
    (name) => {
      const event: EngineEvent = EVENTS[name];
      expect(byName(metricsOf({ ...event, action: 'undo' } as EngineEvent))).toEqual(byName(COUNTED[name]));
      expect(metricsOf({ ...event, action: 'lookup' } as EngineEvent)).toEqual([]);
    },
  );

  it('are in all every metric that has a name', () => {
    const counted = new Set(ALL_EVENTS.flatMap((event) => metricsOf(event)).map(({ name }) => name));
    expect([...counted].sort()).toEqual(Object.values(METRICS).sort());
  });

  it('tell no figure of a tenant or a workflow, of which there is no end', () => {
    const dimensions = ALL_EVENTS.flatMap((event) => metricsOf(event)).flatMap((metric) =>
      Object.keys(metric.dimensions),
    );
    expect([...new Set(dimensions)].sort()).toEqual(['chain', 'step']);
  });

  it('carry the figure of the event', () => {
    expect(metricsOf({ ...EVENTS.step_completed, durationMs: 0 })[0]).toMatchObject({ value: 0 });
    expect(metricsOf({ event: 'oldest_unclaimed', ageMs: 1 })[0]).toMatchObject({ value: 1 });
  });

  it('of what waits are none while nothing does: an idle stage pays for no metric', () => {
    expect(metricsOf({ event: 'most_overdue', ratio: 0 })).toEqual([]);
    expect(metricsOf({ event: 'oldest_unclaimed', ageMs: 0 })).toEqual([]);
  });

  it('are of the chain on a lean stage where they would be of a step, and the same otherwise', () => {
    for (const metric of ALL_EVENTS.flatMap((event) => metricsOf(event))) {
      expect(watchedAs('full', metric)).toEqual(metric);
      const { step: _, ...ofChain } = metric.dimensions;
      expect(watchedAs('lean', metric)).toEqual({ ...metric, dimensions: ofChain });
    }
  });
});

import { METRICS, type Monitoring } from '../../contract/names.ts';
import type { EngineEvent } from '../../engine/events.ts';

/** Who a figure is about, beside the stage. */
export type Dimensions = { readonly chain?: string; readonly step?: string };

/** One figure for CloudWatch. */
export interface Metric {
  readonly name: (typeof METRICS)[keyof typeof METRICS];
  readonly unit: 'Count' | 'Milliseconds' | 'None';
  readonly value: number;
  readonly dimensions: Dimensions;
}

type Name = Metric['name'];

/**
 * The metrics of an event; events that only tell a story have none, and so have those of a lookup: it is no attempt at its step, and one that ends
 * without an answer fails nothing by itself.
 * @example metricsOf({ event: 'message_parked', queue: 'parking', reason: 'not JSON' }) // one MessagesParked
 */
export function metricsOf(event: EngineEvent): readonly Metric[] {
  if ('action' in event && event.action === 'lookup') return [];
  switch (event.event) {
    case 'workflow_started':
      return [ofChain(METRICS.workflowsStarted, event)];
    case 'workflow_completed':
      return [ofChain(METRICS.workflowsCompleted, event)];
    case 'workflow_failed':
      return [ofChain(METRICS.workflowsFailed, event)];
    case 'workflow_cancelled':
      return [ofChain(METRICS.workflowsCancelled, event)];
    case 'workflow_resumed':
      return [ofChain(METRICS.workflowsResumed, event)];
    case 'workflow_compensating':
      return [ofChain(METRICS.workflowsCompensating, event)];
    case 'workflow_compensated':
      return [ofChain(METRICS.workflowsCompensated, event)];
    case 'attempt_started':
      return [ofStep(METRICS.attempts, event)];
    case 'step_completed':
      return [duration(event)];
    case 'step_retrying':
      return [ofStep(METRICS.attemptsFailed, event), duration(event)];
    case 'step_failed':
      return [ofStep(METRICS.stepsFailed, event), ofStep(METRICS.attemptsFailed, event), duration(event)];
    case 'dead_letter':
      return [ofStep(METRICS.deadLetters, event)];
    // Of the stage: one alarm hears it for all chains, or functions. The log line tells where it was.
    case 'compensation_failed':
      return [ofStage(METRICS.compensationsFailed)];
    case 'repaired':
      return [ofStage(METRICS.repairs)];
    case 'unexpected_error':
      return [ofStage(METRICS.unexpectedErrors)];
    case 'message_parked':
      return [ofStage(METRICS.parked)];
    case 'most_overdue':
      return figure({ name: METRICS.overdue, unit: 'None', value: event.ratio, dimensions: {} });
    case 'oldest_unclaimed':
      return figure({
        name: METRICS.oldestUnclaimed,
        unit: 'Milliseconds',
        value: event.ageMs,
        dimensions: {},
      });
    case 'overdue':
    case 'step_skipped':
    case 'workflow_erased':
    case 'output_failed':
    case 'claim_put_back':
    case 'message_dead_lettered':
    case 'message_ignored':
    case 'digest_published':
      return [];
  }
}

/** The same metric as a stage of this monitoring has it: lean, it is of the chain. */
export function watchedAs(monitoring: Monitoring, metric: Metric): Metric {
  const { step: _, ...ofChain } = metric.dimensions;
  return monitoring === 'full' ? metric : { ...metric, dimensions: ofChain };
}

const ofStage = (name: Name): Metric => ({ name, unit: 'Count', value: 1, dimensions: {} });

/** Nothing where nothing waits: CloudWatch bills a metric for every hour in which it is sent, and an idle stage is to cost nothing. */
const figure = (metric: Metric): readonly Metric[] => (metric.value === 0 ? [] : [metric]);

const ofChain = (name: Name, { chain }: { readonly chain: string }): Metric => ({
  name,
  unit: 'Count',
  value: 1,
  dimensions: { chain },
});

interface OfStep {
  readonly chain: string;
  readonly step: string;
}

const ofStep = (name: Name, { chain, step }: OfStep): Metric => ({
  name,
  unit: 'Count',
  value: 1,
  dimensions: { chain, step },
});

const duration = ({ chain, step, durationMs }: OfStep & { readonly durationMs: number }): Metric => ({
  name: METRICS.attemptDuration,
  unit: 'Milliseconds',
  value: durationMs,
  dimensions: { chain, step },
});

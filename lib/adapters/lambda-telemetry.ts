import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { METRIC_NAMESPACE } from '../contract/names.ts';
import type { EngineEvent } from '../engine/events.ts';
import type { Telemetry } from '../engine/ports.ts';
import { type Metric, metricsOf } from './lambda-metrics.ts';

const SERVICE = 'stepline';

/** How loud each event is: what a person may have to act on is a warning or an error. */
const LEVELS = {
  workflow_started: 'info',
  workflow_completed: 'info',
  workflow_failed: 'error',
  workflow_cancelled: 'info',
  workflow_resumed: 'info',
  attempt_started: 'info',
  step_completed: 'info',
  step_retrying: 'warn',
  step_failed: 'error',
  claim_put_back: 'info',
  message_dead_lettered: 'warn',
  message_ignored: 'debug',
  dead_letter: 'info',
  repaired: 'info',
  message_parked: 'error',
  oldest_unfinished: 'info',
  unexpected_error: 'error',
} as const satisfies Readonly<Record<EngineEvent['event'], 'debug' | 'info' | 'warn' | 'error'>>;

export interface LambdaTelemetryOptions {
  readonly stage: string;
  /** Quieter events are not logged; they are counted all the same. */
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/**
 * One JSON line for each event, and its metrics in CloudWatch's embedded format, all on the function's output.
 * @example createLambdaTelemetry({ stage: 'dev', logLevel: 'info' }).emit({ event: 'oldest_unfinished', ageMs: 0 });
 */
export function createLambdaTelemetry({ stage, logLevel }: LambdaTelemetryOptions): Telemetry {
  const logger = new Logger({ serviceName: SERVICE, logLevel, persistentKeys: { stage } });
  const metrics = new Metrics({ namespace: METRIC_NAMESPACE, serviceName: SERVICE });
  return {
    emit(event) {
      try {
        logger[LEVELS[event.event]](event.event, fieldsOf(event));
        for (const metric of metricsOf(event)) publish(metrics, stage, metric);
      } catch (error) {
        // What is told about the work must never stop the work.
        console.error('telemetry failed', event.event, error);
      }
    },
  };
}

/** `message` is the line's own name for what happened. */
function fieldsOf(event: EngineEvent): Record<string, unknown> {
  const { event: _, ...fields } = event;
  if (!('message' in fields)) return fields;
  const { message: detail, ...rest } = fields;
  return { ...rest, detail };
}

function publish(metrics: Metrics, stage: string, { name, unit, value, dimensions }: Metric): void {
  const single = metrics.singleMetric();
  // Powertools adds `service` to every metric; an alarm would have to name it too.
  single.clearDefaultDimensions();
  for (const [dimension, text] of Object.entries({ stage, ...dimensions })) {
    single.addDimension(dimension, text);
  }
  single.addMetric(name, unit, value);
}

import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { type LogLevel, METRIC_NAMESPACE } from '../contract/names.ts';
import { type EngineEvent, EVENT_LEVELS } from '../engine/events.ts';
import type { Telemetry } from '../engine/ports.ts';
import { type Metric, metricsOf } from './lambda-metrics.ts';

const SERVICE = 'stepline';

export interface LambdaTelemetryOptions {
  readonly stage: string;
  /** Quieter events are not logged; they are counted all the same. */
  readonly logLevel: LogLevel;
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
        logger[EVENT_LEVELS[event.event]](event.event, fieldsOf(event));
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

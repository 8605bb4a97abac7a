import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { type LogLevel, METRIC_NAMESPACE } from '../../contract/names.ts';
import { type EngineEvent, EVENT_LEVELS } from '../../engine/events.ts';
import type { Telemetry } from '../../engine/ports.ts';
import { type Dimensions, type Metric, metricsOf } from './metrics.ts';

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
  const metrics = new Metrics({ namespace: METRIC_NAMESPACE });
  // Powertools adds `service` to every metric; an alarm would have to name it too.
  metrics.clearDefaultDimensions();
  metrics.setDefaultDimensions({ stage });
  return {
    emit(event) {
      try {
        logger[EVENT_LEVELS[event.event]](event.event, fieldsOf(event));
        for (const line of linesOf(metricsOf(event))) publish(metrics, line);
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

/** One line holds all figures about the same step or chain: lines are billed by their bytes. */
interface MetricLine {
  readonly dimensions: Dimensions;
  readonly figures: Metric[];
}

function linesOf(metrics: readonly Metric[]): Iterable<MetricLine> {
  const lines = new Map<string, MetricLine>();
  for (const metric of metrics) {
    const { dimensions } = metric;
    const about = JSON.stringify(dimensions);
    const line = lines.get(about) ?? { dimensions, figures: [] };
    line.figures.push(metric);
    lines.set(about, line);
  }
  return lines.values();
}

function publish(metrics: Metrics, { dimensions, figures }: MetricLine): void {
  try {
    for (const [dimension, text] of Object.entries(dimensions)) metrics.addDimension(dimension, text);
    for (const { name, unit, value } of figures) metrics.addMetric(name, unit, value);
    metrics.publishStoredMetrics();
  } finally {
    // What was refused must not get into the next line.
    metrics.clearDimensions();
    metrics.clearMetrics();
  }
}

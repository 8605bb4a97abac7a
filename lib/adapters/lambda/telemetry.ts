import { LogFormatter, Logger, LogItem } from '@aws-lambda-powertools/logger';
import type { LogAttributes, UnformattedAttributes } from '@aws-lambda-powertools/logger/types';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { type LogLevel, METRIC_NAMESPACE, type Monitoring } from '../../contract/names.ts';
import { EVENT_LEVELS } from '../../engine/events.ts';
import type { Telemetry } from '../../engine/ports.ts';
import { type Dimensions, type Metric, metricsOf, watchedAs } from './metrics.ts';

const SERVICE = 'stepline';

export interface LambdaTelemetryOptions {
  readonly stage: string;
  /** Quieter events are not logged; they are counted all the same. */
  readonly logLevel: LogLevel;
  readonly monitoring: Monitoring;
}

/** What an event tells, in one piece: Powertools takes some names, `message` among them, for its own and leaves them out. */
class Told {
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.fields = fields;
  }
}

/**
 * The line that one machine writes too, `event` and all; Powertools alone would call the event `message`. Stage and service
 * stand beside it.
 */
class LineFormatter extends LogFormatter {
  override formatAttributes(line: UnformattedAttributes, { told, ...persistent }: LogAttributes): LogItem {
    return new LogItem({
      attributes: {
        timestamp: this.formatTimestamp(line.timestamp),
        level: line.logLevel.toLowerCase(),
        event: line.message,
        service: line.serviceName,
        xray_trace_id: line.xRayTraceId,
        ...persistent,
        ...(told instanceof Told ? told.fields : {}),
      },
    });
  }
}

/**
 * One JSON line for each event, and its metrics in CloudWatch's embedded format, all on the function's output.
 * @example createLambdaTelemetry({ stage: 'dev', logLevel: 'info', monitoring: 'full' }).emit({ event: 'most_overdue', ratio: 1.5 });
 */
export function createLambdaTelemetry({ stage, logLevel, monitoring }: LambdaTelemetryOptions): Telemetry {
  const logger = new Logger({
    serviceName: SERVICE,
    logLevel,
    persistentKeys: { stage },
    logFormatter: new LineFormatter(),
  });
  const metrics = new Metrics({ namespace: METRIC_NAMESPACE });
  // Powertools adds `service` to every metric; an alarm would have to name it too.
  metrics.clearDefaultDimensions();
  metrics.setDefaultDimensions({ stage });
  return {
    emit(event) {
      try {
        const { event: name, ...fields } = event;
        logger[EVENT_LEVELS[name]](name, { told: new Told(fields) });
        const figures = metricsOf(event).map((metric) => watchedAs(monitoring, metric));
        for (const line of linesOf(figures)) publish(metrics, line);
      } catch (error) {
        // What is told about the work must never stop the work.
        console.error('telemetry failed', event.event, error);
      }
    },
  };
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

import * as z from 'zod';

/** What CloudWatch Logs is sent of one function or of several. Bytes of UTF-8, line ends included. */
export interface WrittenLogs {
  /** One line for each event, at the log level or louder. */
  readonly eventBytes: number;
  /** Metrics in the embedded format, which are log lines too. */
  readonly metricBytes: number;
  /** Metrics that CloudWatch bills apart: by name and by the values of their dimensions. */
  readonly metrics: ReadonlySet<string>;
}

const embedded = z.looseObject({
  _aws: z.object({
    CloudWatchMetrics: z.array(
      z.object({
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.object({ Name: z.string() })),
      }),
    ),
  }),
});

/** @example readLogs(deployed.output()).metrics.size */
export function readLogs(output: string): WrittenLogs {
  let eventBytes = 0;
  let metricBytes = 0;
  const metrics = new Set<string>();
  for (const line of output.split('\n')) {
    if (line === '') continue;
    const bytes = Buffer.byteLength(line) + 1;
    const { success, data } = embedded.safeParse(json(line));
    if (!success) {
      eventBytes += bytes;
      continue;
    }
    metricBytes += bytes;
    for (const name of namesOf(data)) metrics.add(name);
  }
  return { eventBytes, metricBytes, metrics };
}

const namesOf = (line: z.infer<typeof embedded>): readonly string[] =>
  line._aws.CloudWatchMetrics.flatMap(({ Dimensions, Metrics }) =>
    Dimensions.flatMap((dimensions) =>
      Metrics.map(({ Name }) => [Name, ...dimensions.map((dimension) => line[dimension])].join(' ')),
    ),
  );

/** Undefined for what is no JSON. */
function json(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const ID = '00000000-0000-0000-0000-000000000000';

/**
 * What Lambda itself writes for every invocation while a function's log format is text or its system log level is INFO.
 * Source: AWS Lambda Developer Guide, viewing CloudWatch logs for Lambda.
 */
export const PLATFORM_LOG_BYTES = [
  `START RequestId: ${ID} Version: $LATEST\n`,
  `END RequestId: ${ID}\n`,
  `REPORT RequestId: ${ID}\tDuration: 123.45 ms\tBilled Duration: 124 ms\tMemory Size: 256 MB\tMax Memory Used: 100 MB\t\n`,
].reduce((sum, line) => sum + Buffer.byteLength(line), 0);

import * as z from 'zod';
import { type Send, type Signer, signedFetch } from './signed-fetch.ts';

/** Adds up a metric of Lambda for each function since a time; a function of which CloudWatch has nothing is left out. */
export type Sums = (
  metric: string,
  functions: readonly string[],
  since: number,
) => Promise<ReadonlyMap<string, number>>;

/** Seconds: what Lambda's metrics are kept by. */
const PERIOD = 60;

const answer = z.object({
  MetricDataResults: z.array(z.object({ Id: z.string(), Values: z.array(z.number()) })),
});

/**
 * Reads CloudWatch by its JSON protocol: a client for one request would be one more package.
 * Errors: what CloudWatch answered, unless it is 200.
 * @param endpoint undefined for that of the region
 * @param authorities as for `signedFetch`
 * @example await createSums(signer)('Invocations', ['stepline_probe_lost_work'], Date.now() - 600_000)
 */
export function createSums(region: string, signer: Signer, endpoint?: string, authorities?: string): Sums {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const send: Send = signedFetch(
    endpoint ?? `https://monitoring.${region}.${domain}`,
    signer,
    'monitoring',
    authorities,
  );
  return async (metric, functions, since) => {
    const reply = await send('/', {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'GraniteServiceVersion20100801.GetMetricData',
      },
      body: JSON.stringify({
        StartTime: Math.floor(since / 1_000 / PERIOD) * PERIOD,
        EndTime: Math.ceil(Date.now() / 1_000 / PERIOD) * PERIOD + PERIOD,
        MetricDataQueries: functions.map((name, at) => ({
          Id: `f${at}`,
          MetricStat: {
            Metric: {
              Namespace: 'AWS/Lambda',
              MetricName: metric,
              Dimensions: [{ Name: 'FunctionName', Value: name }],
            },
            Period: PERIOD,
            Stat: 'Sum',
          },
        })),
      }),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`CloudWatch answered ${reply.status}: ${text.slice(0, 300)}`);
    const results = answer.parse(JSON.parse(text)).MetricDataResults;
    return new Map(
      functions.flatMap((name, at) => {
        const values = results.find(({ Id }) => Id === `f${at}`)?.Values ?? [];
        return values.length === 0 ? [] : [[name, values.reduce((sum, value) => sum + value, 0)] as const];
      }),
    );
  };
}

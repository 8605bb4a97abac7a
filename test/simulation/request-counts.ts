/** What happened to the requests of the SDK, in one schedule or in many. */
export type RequestCounts = Record<(typeof REQUESTS_COUNTED)[number], number>;

export const REQUESTS_COUNTED = [
  'requests',
  'writes',
  'batches',
  'refused',
  'throttled',
  'broken',
  'brokenDone',
  'lost',
  'late',
  'partialSends',
  'partialReads',
  'shortPages',
  'oldReads',
] as const;

export const noRequestCounts = (): RequestCounts => ({
  requests: 0,
  writes: 0,
  batches: 0,
  refused: 0,
  throttled: 0,
  broken: 0,
  brokenDone: 0,
  lost: 0,
  late: 0,
  partialSends: 0,
  partialReads: 0,
  shortPages: 0,
  oldReads: 0,
});

export function addRequestCounts(sum: RequestCounts, counts: RequestCounts): void {
  for (const name of REQUESTS_COUNTED) sum[name] += counts[name];
}

/** What happened to the requests of the SDK, in one schedule or in many. */
export type RequestCounts = ReturnType<typeof noRequestCounts>;

export const noRequestCounts = () => ({
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

const isCounted = (name: string): name is keyof RequestCounts => Object.hasOwn(noRequestCounts(), name);

export const REQUESTS_COUNTED: readonly (keyof RequestCounts)[] = Object.keys(noRequestCounts()).filter(
  isCounted,
);

export function addRequestCounts(sum: RequestCounts, counts: RequestCounts): void {
  for (const name of REQUESTS_COUNTED) sum[name] += counts[name];
}

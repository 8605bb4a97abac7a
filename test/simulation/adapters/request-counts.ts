import { namesOf } from '../counts.ts';

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

export const REQUESTS_COUNTED = namesOf(noRequestCounts());

export function addRequestCounts(sum: RequestCounts, counts: RequestCounts): void {
  for (const name of REQUESTS_COUNTED) sum[name] += counts[name];
}

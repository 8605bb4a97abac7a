export type AwsService = 'dynamodb' | 'sqs';

/**
 * `refused`: no connection. `throttled`, `broken`: an answer that it was not done. `brokenDone`: an error, and yet it was
 * done. `lost`: done, and then the connection breaks. `late`: no reply in time, and done all the same, after what follows.
 * `partial`: a batch of which a part was done.
 */
export const REQUEST_FAULTS = [
  'none',
  'refused',
  'throttled',
  'broken',
  'brokenDone',
  'lost',
  'late',
  'partial',
] as const;

/** What becomes of one request of the SDK: of each of its attempts. */
export interface RequestFault {
  readonly kind: (typeof REQUEST_FAULTS)[number];
  /** Milliseconds until the SDK hears of it. */
  readonly takes: number;
  /** Of a `late` request: milliseconds until it is done. */
  readonly there: number;
  /** Which of the errors of its kind; of a batch, the entries by their bits. */
  readonly choice: number;
  /** Items that a page of a query holds at most. */
  readonly page?: number;
  /** Whether a read that may be old is. */
  readonly old: boolean;
}

export const NO_FAULT: RequestFault = { kind: 'none', takes: 0, there: 0, choice: 0, old: false };

import type { Line } from './bill.ts';
import { ASSUMED, GB, gbMonths, gbSeconds } from './stepline.ts';

/** Another way to run the same chain. Quantities are of one workflow. */
export interface Competitor {
  readonly name: string;
  /** The API in front, with the function that it needs. */
  readonly front: readonly Line[];
  readonly chain: readonly Line[];
  readonly keeping: readonly Line[];
  /** One look at the status; nothing where there is none to look at. */
  readonly look: readonly Line[];
  /** What the figures hold, and what they leave out. */
  readonly notes: readonly string[];
}

/** What the chain and its payloads are, for everyone the same. */
export interface Workload {
  readonly calls: number;
  /** The input and every result, as JSON. */
  readonly payloadBytes: number;
  /** Milliseconds of a function that answers an API call with one request to AWS: Stepline's own `get`, as measured. */
  readonly apiFunctionMs: number;
}

const API_CALL: Line = { label: 'API call', price: 'httpApiRequest', quantity: 1 };

/** An API call that needs a function. */
const withFunction = ({ apiFunctionMs }: Workload): readonly Line[] => [
  API_CALL,
  { label: 'invocation behind the API', price: 'lambdaRequest', quantity: 1 },
  { label: 'compute behind the API', price: 'lambdaGbSecond', quantity: gbSeconds(apiFunctionMs) },
];

/** One transition for each call and one for the start. */
export const standard = (workload: Workload): Competitor => ({
  name: 'Step Functions Standard',
  front: [API_CALL],
  chain: [{ label: 'state transitions', price: 'stateTransition', quantity: workload.calls + 1 }],
  keeping: [],
  look: withFunction(workload),
  notes: [
    'HTTP tasks, no Lambda function for a step. The API starts it without a function; a look at its status needs one.',
    'State and 90 days of history are in its price. Retries would be billed as transitions; none happen here.',
  ],
});

/** Express bills memory in units of 64 MB, time in units of 100 ms. */
const EXPRESS = { mb: 64, ms: 100 };

export function express({ calls }: Workload): Competitor {
  const billedMs = Math.ceil((calls * ASSUMED.callMs) / EXPRESS.ms) * EXPRESS.ms;
  return {
    name: 'Step Functions Express',
    front: [API_CALL],
    chain: [
      { label: 'executions', price: 'expressRequest', quantity: 1 },
      {
        label: 'duration',
        price: 'expressGbSecond',
        quantity: (billedMs / 1_000) * (EXPRESS.mb / 1_024),
      },
    ],
    keeping: [],
    look: [],
    notes: [
      `${billedMs} ms in one unit of ${EXPRESS.mb} MB; its own time between the calls is left out.`,
      'It ends after 5 minutes at most, runs at least once, and keeps no state: there is no status to look at, no resume from a failed step. A table and logs for that are left out.',
    ],
  };
}

/** One operation for the start and one for each step, as in AWS's own example. */
export const durable = (workload: Workload): Competitor => ({
  name: 'Lambda durable functions',
  front: withFunction(workload),
  chain: [
    { label: 'operations', price: 'durableOperation', quantity: workload.calls + 1 },
    { label: 'data written', price: 'durableGbWritten', quantity: workload.payloadBytes / GB },
    { label: 'invocations', price: 'lambdaRequest', quantity: 1 },
    {
      label: 'compute, the whole time',
      price: 'lambdaGbSecond',
      quantity: gbSeconds(workload.calls * ASSUMED.callMs + (workload.calls + 1) * ASSUMED.roundTripMs),
    },
  ],
  keeping: [
    {
      label: `state for ${ASSUMED.keptDays} days`,
      price: 'durableGbMonth',
      quantity: gbMonths(workload.payloadBytes),
    },
  ],
  look: withFunction(workload),
  notes: [
    'Operations: the start and one step for each call. The function runs and is billed while the calls are under way; its own processor time is left out.',
    'An HTTP API cannot start it without a function, and a look at its status needs one. Its metadata is left out of what is written and kept.',
  ],
});

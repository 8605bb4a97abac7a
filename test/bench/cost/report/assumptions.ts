import { POLLING } from '../bill/idle.ts';
import { PRICES, type Price } from '../bill/prices.ts';
import { ASSUMED } from '../bill/stepline.ts';

const { callMs, memoryMb, roundTripMs, mbOfOneProcessor, keptDays, sampled } = ASSUMED;

/** Everything that stands behind the figures and was not measured, a sentence each. */
export const ASSUMPTIONS: readonly string[] = [
  'Region us-east-1, list prices of the first tier, no free tier, no data transfer, no taxes.',
  'One run of the chain with its start: an order that goes well, three calls, no retry.',
  'Looks at the status are no part of a run and stand apart for everyone: nobody has to look, on-call is told of failures. Each look costs the same API call everywhere.',
  'The chain alone, without an API: only the API call is left out of Stepline’s bill. Whoever starts it otherwise invokes the same function, which saves the workflow and queues the first step; Standard is started by its own API, for the price of its transitions.',
  `A call takes ${callMs} ms. Functions have ${memoryMb} MB on arm64 and are warm: cold starts are left out, for everyone.`,
  `Lambda gives a function of ${mbOfOneProcessor} MB one processor, and ${memoryMb} MB its part. Processor time was measured on this machine, whose processor counts as one of Lambda's; the median of warm invocations.`,
  `A request to DynamoDB or SQS takes ${roundTripMs} ms. Requests of one message follow one another; messages of a batch go side by side.`,
  'The mapping receives and deletes as many messages with one request as an invocation gets: 1, or 10. AWS does not say so.',
  'Full batches means that ten messages always wait. The shipped order chain says batchSize 1; how many sends share a request depends on how close together the calls of a batch end, and here they end at once.',
  'Messages carry a group only on a stage with tenants by JWT. What such requests cost besides is unconfirmed, and counted where the counting server saw a group: in the send, the receive and the delete.',
  'Empty polls of the mappings are a cost of the stage and not of a workflow: they stand in the monthly table.',
  `Kept ${keptDays} days, with DynamoDB's 100 bytes for each item and index entry. Deletion by time to live is free. Backups are not in any total.`,
  `X-Ray is in no total of a workflow. Active tracing samples the first request of each second and ${sampled * 100} % of the others (X-Ray’s default, assumed of Lambda); each invocation is a trace of its own, as X-Ray links the traces before and behind a queue and does not join them. A function that runs less than once a second is therefore always sampled.`,
  'Logs are not in “running” and not in “kept”. Metrics are log lines too and are written at every level. The storage of logs is left out, and so is the API’s access log, of about half a kilobyte for each API call. Lambda’s own lines are counted, and are gone with a JSON log format and system log level WARN.',
  'Custom metrics: those that the code’s events have, with every chain and step of the shipped chains. The API writes metrics of each route, which API Gateway says are charged; that they cost what custom metrics do is assumed.',
  'The reconciler looks into each dead-letter queue once a minute, with one request that does not wait. Its run was measured with the queues of the shipped chains; of more of them each ten are one wait, and its processor time is taken to grow with them.',
  'Secrets are counted by name in the settings of the functions’ targets; a key that is rotated costs more later, which is left out.',
  'A query that finds nothing is billed half a read unit, which dynalite does not report.',
  'For the others logs are left out, which is to their advantage: Express and durable functions need them more than Standard does.',
  'The API in front is the same for all: an HTTP API, without an authorizer function. A function behind it that asks AWS one thing takes as long as Stepline’s own that reads a status.',
  `Idle mappings: ${POLLING.pollers} pollers of ${POLLING.waitSeconds} s each. Lambda may go down to ${POLLING.fewestPollers}, but not for a step with a concurrency limit.`,
  'Cold starts: from the start of a Node process to the loaded function, on this machine and its Node; Lambda’s own work and the first request to AWS are not in it.',
];

/** What is known of each price beside its source. */
export const priceNotes = (): readonly string[] =>
  Object.values(PRICES).flatMap(({ unit, known, note }: Price) =>
    note === undefined ? [] : [`${unit}: ${known === 'unconfirmed' ? 'unconfirmed; ' : ''}${note}.`],
  );

import { POLLING } from './idle.ts';
import { PRICES, type Price } from './prices.ts';
import { ASSUMED } from './stepline.ts';

const { callMs, memoryMb, roundTripMs, mbOfOneProcessor, keptDays } = ASSUMED;

/** Everything that stands behind the figures and was not measured, a sentence each. */
export const ASSUMPTIONS: readonly string[] = [
  'Region us-east-1, list prices of the first tier, no free tier, no data transfer, no taxes.',
  'An order that goes well: three calls, no retry. Its status is looked at once; every further look costs one API call, one invocation and one read unit.',
  `A call takes ${callMs} ms. Functions have ${memoryMb} MB on arm64 and are warm: cold starts are left out, for everyone.`,
  `Lambda gives a function of ${mbOfOneProcessor} MB one processor, and ${memoryMb} MB its part. Processor time was measured on this machine, whose processor counts as one of Lambda's; the median of warm invocations.`,
  `A request to DynamoDB or SQS takes ${roundTripMs} ms. Requests of one message follow one another; messages of a batch go side by side.`,
  'The mapping receives and deletes as many messages with one request as an invocation gets: 1, or 10. AWS does not say so.',
  'Full batches means that ten messages always wait. The shipped order chain says batchSize 1; how many sends share a request depends on how close together the calls of a batch end, and here they end at once.',
  'Every message carries a group (its tenant), so each of its requests bears the surcharge of fair queues, if there is one.',
  'Empty polls of the mappings are a cost of the stage and not of a workflow: they stand in the monthly table.',
  `Kept ${keptDays} days, with DynamoDB's 100 bytes for each item and index entry. Deletion by time to live is free. Backups are not in any total.`,
  'Logs are not in “running” and not in “kept”. Metrics are log lines too and are written at every level. The storage of logs is left out. Lambda’s own lines are counted, and are gone with a JSON log format and system log level WARN.',
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

export const DAY_MS = 86_400_000;

/**
 * Every limit, with its reason. Sizes in bytes, times in seconds unless the name says otherwise.
 * Sources: the quotas pages of Amazon SQS, AWS Lambda, Amazon DynamoDB and Amazon API Gateway.
 */
export const LIMITS = {
  /** A queue name has 80 characters, a function name 64: `stepline_<stage up to 8>_<chain>_<step>` must fit in 64. */
  chainNameLength: 25,
  stepNameLength: 20,
  /** Keeps the load of one workflow (query pages of 1 MB) and its definition readable. */
  stepsPerChain: 200,

  /** A function runs at most 900 s; it needs `functionMargin` around the call, and visibility 6 x that stays under 12 h. */
  stepTimeout: 840,
  /** Function timeout = step timeout + this: load, claim, save, send and their SDK retries. */
  functionMargin: 15,
  /** A lease lasts this much longer than its function can run: when a lease is over, its worker is dead. */
  leaseMargin: 5,
  /** A call must leave this much of the function's time for the save, in milliseconds. */
  saveReserveMs: 2_000,
  /** With less than this left for the call the claim is put back, in milliseconds. */
  leastCallMs: 1_000,
  /** An HTTP API waits 30 s for a function. */
  apiFunctionTimeout: 29,
  /** A browser asks once an hour whether a page may call the API: an origin that was taken off the list is out an hour later. */
  preflightAge: 3_600,
  /** What is uploaded for a function of the API, and of a step: loading it is most of a cold start. In bytes, without maps. */
  apiBundleBytes: 700_000,
  stepBundleBytes: 1_200_000,
  /** A stack of CloudFormation holds 500 resources, and a step is 15 of them. */
  stepsPerStack: 33,
  retries: 100,
  /** SQS hides a received message for at most 12 hours in all. */
  visibility: 43_200,
  retryAfter: 3_600,
  backoffBase: 1,
  backoffCap: 300,
  backoffCapMost: 3_600,
  /** A mapping's maxConcurrency is 2 to 1,000. */
  concurrencyLeast: 2,
  concurrencyMost: 1_000,
  /** A receive takes at most 10 messages. */
  batchSize: 10,

  /** A visibility timeout should be 6 x the function timeout (AWS's advice for a mapping). */
  visibilityPerFunctionTimeout: 6,
  /**
   * A message of a version that its function does not know is received this often, 254 s in all, before it becomes a dead
   * letter: a deployment may be under way or being rolled back. It must be below `leastMaxReceives`.
   */
  receivesUnknown: 8,
  /** Throttles use up receives too, so the receive count only guards against messages that crash their function. */
  spareReceives: 5,
  leastMaxReceives: 10,
  /** A dead letter keeps its first enqueue time, so the source keeps 4 days and the dead-letter queue 14 (the most). */
  queueRetention: 4 * 86_400,
  deadLetterRetention: 14 * 86_400,
  deadLetterMaxReceives: 5,
  deadLetterFunctionTimeout: 30,
  /** A dead letter that came back this often means that the function cannot take the message. */
  trips: 2,
  /** Messages carry identifiers only. */
  messageBytes: 1_024,

  /** An item holds 400 KB; input and a few hundred bytes share META. */
  inputBytes: 128 * 1_024,
  /**
   * Levels of lists and objects in an input. Code walks an input by recursion (a schema makes about ten calls a level), and
   * the stack must hold that, here and at the targets, whose parsers have a limit too (.NET 64, Protobuf 100).
   */
  inputLevels: 100,
  resultBytes: 256 * 1_024,
  /** JSON is written by recursion, and a stack holds a few thousand levels. No API needs a thousand. */
  resultDepth: 1_000,
  /** A reply is read up to here, in bytes of body. */
  replyBytes: 1_024 * 1_024,
  errorText: 200,
  /** Wrong fields that an answer names: an answer of Lambda has at most 6 MB, and nobody reads more of them. */
  fieldsNamed: 100,
  /** Attempts kept in a step's item: enough for a story, small enough for 400 KB. */
  attemptsKept: 20,
  idempotencyKeyLength: 255,
  /** How long a target remembers a key where nobody says: Stripe and others forget after a day. At most a year. In seconds. */
  keyLifetime: 86_400,
  keyLifetimeMost: 365 * 86_400,
  /**
   * A secret is read again after this, so that one that was rotated is picked up within a minute. One read a minute and
   * warm function costs next to nothing.
   */
  secretAge: 60,

  /** 1,000 writes a second a partition: 8 shards carry 8,000 starts a second. */
  indexShards: 8,
  listDefault: 20,
  listMost: 100,

  /** Steps expire this long after the start, META `metaKeepsLonger` later. In days. */
  keepDays: 90,
  keepDaysLeast: 2,
  keepDaysMost: 3_650,
  /** The sensitive input of a failed workflow is kept this long for a resume: two weeks hold a holiday. In days. */
  keepFailed: 14,
  /** What an operator gives as the reason, and how many of their operations are kept: META has 400 KB, of which the input may take 128. */
  reasonText: 500,
  operationsKept: 20,
  metaKeepsLongerDays: 7,
  /**
   * Nothing is claimed and nothing resumed in a workflow's last day: it could outlive its own items, and a finished step
   * whose item is gone would be called again. In days.
   */
  noClaimLastDays: 1,

  /**
   * The one process rewrites its files so often if something was erased: what was is gone from them within an hour, the time
   * of the rewriting and a run that failed included.
   */
  purgeInterval: 1_200,
  /** A store above this, in bytes, is rewritten in 16 pieces: a process that ends waits for one of them at most. */
  purgePieceBytes: 64 * 1_024 * 1_024,
  /** A process that ends begins no piece after this, in milliseconds: a person waits. */
  purgeAtCloseMs: 2_000,

  /**
   * After a life that ended badly, a call of a target that is begun alone keeps the others waiting so long, in milliseconds: its target
   * may hang, and it is code of a `run` step that ends a process.
   */
  turnOfRequestMs: 1_000,

  reconcileInterval: 60,
  reconcileBackoffCap: 900,
  /** Workflows examined in one run of the reconciler and shard. */
  reconcileBatch: 100,
  /** Times a failed condition may be decided again before the message goes back to its queue. */
  decisions: 8,
} as const;

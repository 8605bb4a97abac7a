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
  /** TLS identities whose connections one client keeps: a function calls few targets, and each rotation of a certificate adds one. */
  tlsIdentities: 32,
  /** An HTTP API waits 30 s for a function. */
  apiFunctionTimeout: 29,
  /**
   * A read may wait so long for a change: with its loads it ends before `apiFunctionTimeout`. In seconds, as the next two. Whoever finds
   * no place to wait is told to ask again after `waitAgain`. A place whose function died is free again `waitMargin` after its wait.
   */
  waitMost: 20,
  waitAgain: 5,
  waitMargin: 5,
  /** A read that waits on AWS looks after this, then after twice that, and every two seconds in the end: 13 looks in 20 s. In milliseconds. */
  waitGapMs: 250,
  waitGapMostMs: 2_000,
  /** Of the executions that an account allows at once, this share may wait: what waits must not starve what works. */
  waitShare: 0.1,
  /** Places to wait where nobody knows what the account allows: a new account may have ten executions at once. */
  waitPlacesUnknown: 1,
  waitPlacesMost: 10_000,
  /** Places of which one is looked for before a read gives up waiting: each that is taken costs a write. */
  waitTries: 3,
  /** Reads that wait in one process: each holds a connection and a timer. */
  waitPlacesLocal: 1_000,
  /**
   * A client repeats what is safe to repeat this often, after waits that double from `clientBaseMs` to `clientCapMs`. It waits as long as it
   * is asked to, up to `clientPatienceMs`; who asks for more is believed, and the request is given up. In milliseconds.
   */
  clientRetries: 4,
  clientBaseMs: 500,
  clientCapMs: 20_000,
  clientPatienceMs: 60_000,
  /** A client gives up one request after this: an HTTP API answers within 30 s. And it looks so often where it is told of no change. */
  clientTimeoutMs: 35_000,
  clientLookMs: 1_000,
  /** A browser asks once an hour whether a page may call the API: an origin that was taken off the list is out an hour later. */
  preflightAge: 3_600,
  /** What is uploaded for a function of the API, and of a step: loading it is most of a cold start. In bytes, without maps. */
  apiBundleBytes: 700_000,
  stepBundleBytes: 1_200_000,
  /** A stack of CloudFormation holds 500 resources, and a step is 12 of them. */
  stepsPerStack: 41,
  /** One deployment may create, change or delete 2,500 resources, and what is not of a step needs up to 250 of them. */
  stepsAtOnce: 180,
  retries: 100,
  /** SQS hides a received message for at most 12 hours in all. */
  visibility: 43_200,
  /** A target is left alone for so long if it asks for that: nobody wants to wait longer for one that is well again. */
  retryAfter: 3_600,
  /**
   * Beyond what a target asked for, a caller waits up to this share of it: callers that were all told 120 s come over 24 s, and
   * none waits much longer than it was told.
   */
  askedJitter: 0.2,
  /**
   * Retries of a step that says nothing else, and the base of their waits. All waits together outlast a deployment of the target, two
   * to five minutes: 8 + 16 + 32 + 64 + 128 = 248 s at most, and 124 s, half of that, at least. One wait is five minutes at most: a target
   * that is well again is called soon.
   */
  retriesDefault: 5,
  backoffBase: 8,
  backoffCap: 300,
  backoffCapMost: 3_600,
  /** A mapping's maxConcurrency is 2 to 1,000. */
  concurrencyLeast: 2,
  concurrencyMost: 1_000,
  /** AWS refuses a reserve that would leave an account less than this. */
  unreservedLeast: 100,
  /** A start writes once or twice and sends; with a cold function it takes about half of this. In milliseconds. */
  startMs: 1_000,
  /** A run of the reconciler ends before the next one begins; an operator may run it by hand beside that. */
  reconcilersAtOnce: 2,
  /** A receive takes at most 10 messages. */
  batchSize: 10,

  /** A visibility timeout should be 6 x the function timeout (AWS's advice for a mapping). */
  visibilityPerFunctionTimeout: 6,
  /**
   * A message of a version that its function does not know is received this often, 254 s in all, before it becomes a dead
   * letter: a deployment may be under way or being rolled back. It must be below `leastMaxReceives`.
   */
  receivesUnknown: 8,
  /**
   * A message that the table did not let its function handle is received this often, 254 s in all, before it is left to the
   * reconciler. It must be below `leastMaxReceives`.
   */
  receivesUnread: 8,
  /** Throttles use up receives too, so the receive count only guards against messages that crash their function. */
  spareReceives: 5,
  leastMaxReceives: 10,
  /** A dead letter keeps its first enqueue time, so the source keeps 4 days and the dead-letter queue 14 (the most). */
  queueRetention: 4 * 86_400,
  deadLetterRetention: 14 * 86_400,
  deadLetterMaxReceives: 5,
  deadLetterFunctionTimeout: 30,
  /** Ten batches of ten dead letters at once: some hundred failures a second, as many as a reconciler's run can tell of. */
  stepFailedConcurrency: 10,
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
  /**
   * A sensitive value is masked in every spelling from so many letters and digits on. Shorter ones, such as a security code, stand by
   * chance in many numbers and words: they are masked as they are.
   */
  comparedLength: 6,
  /** Wrong fields that an answer names: an answer of Lambda has at most 6 MB, and nobody reads more of them. */
  fieldsNamed: 100,
  /** Attempts kept in a step's item: enough for a story, small enough for 400 KB. */
  attemptsKept: 20,
  idempotencyKeyLength: 255,
  /** How long a target remembers a key where nobody says: Stripe and others forget after a day. At most a year. In seconds. */
  keyLifetime: 86_400,
  keyLifetimeMost: 365 * 86_400,
  /**
   * How long after the deadline of a call its target may still act on it, where nobody says. Most gateways give up after 30 to 60 s; what
   * stands in a queue behind one does not. In seconds.
   */
  lateBy: 60,
  lateByMost: 3_600,
  /**
   * A secret is read again after this, so that one that was rotated is picked up within a minute. One read a minute and
   * warm function costs next to nothing.
   */
  secretAge: 60,
  /** A target that answers 401 all the time has its secrets read again this often at most. */
  secretReread: 10,
  /** Seconds for one request of a token. Authorization servers answer within one; who hangs must not take a step's whole time. */
  tokenRequest: 10,
  /** Seconds that a token is kept whose server does not say for how long it holds. */
  tokenAge: 300,
  /** Seconds by which a token is renewed before its end, so that none ends on its way; never more than half of its life. */
  tokenMargin: 60,

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
  /** In seconds. A step is overdue after that time, even if its definition allows it more. */
  overdueMost: 21_600,
  /** Workflows examined in one run of the reconciler and shard. */
  reconcileBatch: 100,
  /**
   * Failures of one chain, step and error are told once in this time. People read a mail every few minutes; what failed stays in
   * the table, and nothing else waits for it.
   */
  digestWindow: 300,
  /**
   * After that time only the reconciler, which collects all that have waited, may tell of a kind, for so long: two of its runs, and
   * one that failed. Then nothing waits any more, and the next failure is told at once again.
   */
  digestGrace: 180,
  /** Workflows that a digest names: enough to see what they have in common. */
  digestExamples: 3,
  /**
   * Between two publishes to on-call, of all functions together. SNS suspends a subscription by mail above ten messages a second, and
   * deletes it later. Source: Amazon SNS Developer Guide, e-mail subscriptions.
   */
  publishInterval: 1,
  /** The step-failed function waits this long for its turn; what would come later is the reconciler's. */
  publishPatience: 10,
  /** Times a failed condition may be decided again before the message goes back to its queue. */
  decisions: 8,
} as const;

/** A bound that AWS sets to a stage. `hard`: nobody can raise it. `quota`: AWS raises it on request. `operation`: of one deployment. */
interface Ceiling {
  readonly what: string;
  readonly most: number;
  readonly kind: 'hard' | 'quota' | 'operation';
  readonly remedy: string;
}

const ASK = 'Ask AWS for more (Service Quotas) before you deploy; what else the account has counts too.';
const FEWER_STEPS = 'Let a chain do several calls in one run step, or give some chains a stage of their own.';

/**
 * What a stage of many steps runs into. Sources: the quotas pages of AWS CloudFormation, IAM, AWS Lambda, Amazon API Gateway, Amazon
 * CloudWatch and CloudWatch Logs.
 */
export const CEILINGS = {
  templateBytes: { what: 'bytes of a template', most: 1_000_000, kind: 'hard', remedy: FEWER_STEPS },
  stackResources: { what: 'resources in a stack', most: 500, kind: 'hard', remedy: FEWER_STEPS },
  stackParameters: { what: 'parameters of a stack', most: 200, kind: 'hard', remedy: FEWER_STEPS },
  stackOutputs: { what: 'outputs of a stack', most: 200, kind: 'hard', remedy: FEWER_STEPS },
  environmentBytes: {
    what: 'bytes in the environment of a function',
    most: 4_096,
    kind: 'hard',
    remedy: 'It holds the settings of the targets that the step calls: let several steps call them.',
  },
  managedPolicies: { what: 'managed policies of a role', most: 10, kind: 'quota', remedy: ASK },
  routes: { what: 'routes of the API', most: 300, kind: 'quota', remedy: ASK },
  roles: { what: 'roles in the account', most: 1_000, kind: 'quota', remedy: ASK },
  alarms: { what: 'alarms in the account and region', most: 5_000, kind: 'quota', remedy: ASK },
  savedQueries: { what: 'saved queries of CloudWatch Logs', most: 1_000, kind: 'quota', remedy: ASK },
  resourcesAtOnce: {
    what: 'resources that one deployment may create, change or delete, nested stacks included',
    most: 2_500,
    kind: 'operation',
    remedy:
      'A first deployment creates all of them: begin with some of the chains in functions/chains/index.ts, and add others with each further deployment.',
  },
} as const satisfies Readonly<Record<string, Ceiling>>;

import type { Mutation } from '../bundle.ts';
import { MUTANTS_OF_DATA } from './data.ts';
import { MUTANTS_OF_LOOKUP } from './lookup.ts';
import { type Mutant, mutant } from './mutant.ts';
import { MUTANTS_OF_OUTCOMES } from './outcomes.ts';
import { MUTANTS_OF_TELLING } from './telling.ts';
import { MUTANTS_OF_UNDO } from './undo.ts';

const DECISION = 'lib/engine/decision.ts';
const DEAD_LETTER = 'lib/engine/dead-letter.ts';
const SEEN = 'lib/engine/request/seen.ts';
const WORKER = 'lib/engine/worker.ts';
const OUTCOME = 'lib/engine/outcome.ts';
const ADVANCE = 'lib/engine/advance.ts';
const STEP_FAILED = 'lib/engine/step-failed.ts';
const RECONCILER = 'lib/engine/reconciler.ts';
const START = 'lib/engine/operations/start.ts';
const CHANGE = 'lib/engine/operations/change.ts';
const RETRY = 'lib/engine/retry.ts';
const SHELL = 'lib/engine/shell.ts';
const RECOVERY = 'lib/local/store/recovery.ts';
const CHANGES = 'lib/local/store/changes.ts';

const STEP_CONDITION = `    'absent' in expected
      ? current === undefined
      : current?.status === expected.status && current.token === expected.token,`;

/** The condition of a step's write, always true for records of one status. */
const unconditional = (status: string): Mutation => ({
  file: CHANGES,
  replace: STEP_CONDITION,
  by: `    record.status === '${status}' ||
    ('absent' in expected
      ? current === undefined
      : current?.status === expected.status && current.token === expected.token),`,
});

/** Every rule of the protocol that can be left out, left out. The simulator must notice each. */
export const MUTANTS: readonly Mutant[] = [
  mutant('a completed step whose message comes again queues nothing', [
    DECISION,
    `if (isDone(record)) return { do: 'advance', at };`,
    `if (isDone(record)) return { do: 'acknowledge', because: 'it is done' };`,
  ]),
  { name: 'a claim without condition', mutations: [unconditional('running')] },
  { name: 'a completion without token', mutations: [unconditional('completed')] },
  { name: 'a failure saved without token', mutations: [unconditional('failed')] },
  { name: 'a retry saved without token', mutations: [unconditional('retrying')] },
  mutant('a lease is ignored', [
    DECISION,
    `    record?.status === 'running'
      ? record.leaseUntil`,
    `    record?.status === 'running'
      ? undefined`,
  ]),
  mutant('a due time is ignored', [
    DECISION,
    `        ? record.nextAttemptAt
        : undefined;`,
    `        ? undefined
        : undefined;`,
  ]),
  mutant('the message is acknowledged and the next step queued before the result is saved', [
    WORKER,
    `  if (!(await saveOutcome(engine, job, record))) return 'retry';
  const durationMs = now - job.claim.record.updatedAt;
  ports.telemetry`,
    `  void saveOutcome(engine, job, record).catch(() => undefined);
  const durationMs = now - job.claim.record.updatedAt;
  ports.telemetry`,
  ]),
  mutant('a dead letter fails a completed step', [
    STEP_FAILED,
    `if (isDone(record)) return { do: 'advance' };`,
    `if (record?.status === 'completed') return { do: 'fail', error: errorOf(record) };`,
  ]),
  mutant('a join reads before it saves', [
    WORKER,
    "const reloads = action === 'undo' || mustReload(chain, known, step.name);",
    "const reloads = action === 'undo';",
  ]),
  mutant('last steps do not read again', [
    ADVANCE,
    `  const after = descendants(chain, name);
  return chain`,
    `  const after = descendants(chain, name);
  if (after.size === 0) return false;
  return chain`,
  ]),
  mutant('the key changes between retries', [
    SEEN,
    'action, round });',
    'action, round: state.steps.get(step.name)?.attempt ?? round });',
  ]),
  mutant('a cancel is not looked at again', [
    DECISION,
    `  if (meta.status !== 'processing') return { do: 'acknowledge', because: \`the workflow is \${meta.status}\` };`,
    '',
  ]),
  mutant('the reconciler repairs nothing', [
    RECONCILER,
    '  const repairs = decideRepairs(chain, state, now);',
    '  const repairs = decideRepairs(chain, state, now).slice(0, 0);',
  ]),
  mutant('META is written without its epoch', [CHANGES, '      current.epoch === expected.epoch &&\n', '']),
  mutant('META is written without its status', [
    CHANGES,
    `      current.status === expected.status &&
      current.epoch`,
    '      current.epoch',
  ]),
  mutant(
    'a stale dead letter fails a resumed workflow',
    [
      STEP_FAILED,
      `  if (message.epoch < meta.epoch) {
    // A resume`,
      `  if (message.epoch < -1) {
    // A resume`,
    ],
    [
      STEP_FAILED,
      `if (record?.status === 'failed' && record.epoch === meta.epoch)`,
      `if (record?.status === 'failed')`,
    ],
  ),
  mutant('a message of before a resume counts for nothing, though its step is to be tried again', [
    DECISION,
    `if (message.epoch < meta.epoch && record?.status !== 'retrying') {`,
    'if (message.epoch < meta.epoch) {',
  ]),
  mutant('a dead letter of before a resume counts for nothing, though its step failed after it', [
    STEP_FAILED,
    `    if (ended) return { do: 'queueAgain', trips: { trip: 0 } };`,
    `    if (ended && meta.epoch < 0) return { do: 'queueAgain', trips: { trip: 0 } };`,
  ]),
  mutant(
    'a resume is two writes',
    [
      CHANGE,
      `  const state = await change(engine, key, nonce, [from, 'resumed'], async (loaded, now) => {`,
      `  await change(engine, key, 'first', [['failed'], 'resumed'], ({ meta, steps }) => ({ meta: { ...meta, status: 'processing' }, steps }));
  const state = await change(engine, key, nonce, [['processing'], 'resumed'], async (loaded, now) => {`,
    ],
    [CHANGE, "loaded.meta.status === 'failed'", "loaded.meta.status === 'processing'"],
  ),
  mutant('a resume keeps the epoch', [
    CHANGE,
    '= undue(loaded.meta);\n  const epoch = meta.epoch + 1;',
    '= undue(loaded.meta);\n  const epoch = meta.epoch;',
  ]),
  mutant('the loser of two resumes is told that it won', [
    SHELL,
    '    current.nonce === meta.nonce &&\n    current.dueAt === meta.dueAt &&\n    current.updatedAt === meta.updatedAt &&\n',
    '',
  ]),
  mutant('any refusal raises the round', [
    OUTCOME,
    'const round = open === 0 ? claimed.round + 1 : claimed.round;',
    `const round = failure.acted === 'no' ? claimed.round + 1 : claimed.round;`,
  ]),
  mutant('any failure raises the round', [
    OUTCOME,
    'const round = open === 0 ? claimed.round + 1 : claimed.round;',
    'const round = claimed.round + 1;',
  ]),
  mutant('open attempts of before a resume are forgotten', [
    DECISION,
    '    open: (round.first ? 0 : before.open) + 1,',
    '    open: (round.first || before.epoch < meta.epoch ? 0 : before.open) + 1,',
  ]),
  mutant('one attempt too many', [
    OUTCOME,
    'claimed.attempt <= step.retries;',
    'claimed.attempt <= step.retries + 1;',
  ]),
  mutant('a step whose workers all died is claimed for ever', [
    DECISION,
    `if (record?.status === 'running' && attemptsInEpoch(state, record) > mostAttempts) {`,
    `if (record?.status === 'running' && attemptsInEpoch(state, record) > step.retries + 100) {`,
  ]),
  mutant('the first last step completes the workflow', [
    ADVANCE,
    '    complete: allDone(chain, state),',
    '    complete: successors(chain, name).length === 0,',
  ]),
  mutant(
    'a join begins with the first of its branches',
    [
      ADVANCE,
      '      (step) => !isTaken(state, step.name) && !isDone(state.steps.get(step.name)) && isReady(state, step),',
      '      (step) => !isDone(state.steps.get(step.name)),',
    ],
    [
      DECISION,
      `  if (!isReady(state, step)) return { do: 'acknowledge', because: 'the steps before it are not all done' };`,
      '',
    ],
  ),
  mutant('a workflow that was cancelled goes on', [
    ADVANCE,
    `  if (state.meta.status !== 'processing') return { queue: [], complete: false };`,
    '',
  ]),
  mutant('a completed workflow keeps its sensitive input', [
    ADVANCE,
    '    ...undue(erase(meta, chain.sensitive)),',
    '    ...undue(erase(meta, [])),',
  ]),
  mutant('a cancelled workflow keeps its sensitive input', [
    CHANGE,
    '...erase(left, sensitiveOf(definitionOf(engine.chains, meta), meta)),',
    '...left,',
  ]),
  mutant('errors are saved as they come', [
    'lib/engine/mask.ts',
    'shown += text.slice(from, begins) + MASK;',
    'shown += text.slice(from, ends);',
  ]),
  mutant('a start is answered 202 though nothing was saved', [
    START,
    '  const written = await create().catch(create);',
    '  const written = await create().catch(() => ({ written: true }) as const);',
  ]),
  mutant('another payload under a key is taken', [
    START,
    '  if (!(await isRepeat(engine, chain, meta, payload))) {',
    '  if (meta.fingerprint === undefined) {',
  ]),
  mutant('one dead letter is enough to fail a step that nobody could take', [
    DEAD_LETTER,
    'if (message.trip >= LIMITS.trips) ',
    'if (message.trip >= 0) ',
  ]),
  mutant('a claim that is put back stays counted', [
    WORKER,
    '{ ...job.claim.before, token: engine.ports.random.token() }',
    '{ ...job.claim.before, token: engine.ports.random.token(), attempt: job.claim.record.attempt }',
  ]),
  mutant('a process that was killed forgets that claims of its last life may have called', [
    RECOVERY,
    'return claimsLost ? await countLostClaims(engine, ended) : ended;',
    'return ended;',
  ]),
  mutant('a process that was killed counts the attempts that it cut short', [
    RECOVERY,
    `record.attempts.at(-1)?.outcome === 'interrupted' ? record.attempt : record.attempt - 1`,
    'record.attempt - 1',
  ]),
  mutant('the one process answers before META is on its disk', [
    'lib/local/store/store.ts',
    'if (change.item === META || claim !== undefined) return durable;',
    'if (claim !== undefined) return durable;',
  ]),
  mutant('a load of the one process shows what is not on its disk yet', [
    'lib/local/store/store.ts',
    `    else if (entry.flush !== undefined) await entry.flush;
    else return copyOf(entry);`,
    '    else return copyOf(entry);',
  ]),
  mutant('every workflow is shown as completed', [
    'lib/engine/view.ts',
    '    status: meta.status,\n    steps:',
    `    status: 'completed',\n    steps:`,
  ]),
  mutant('every step that waits is shown as pending', [
    'lib/engine/view.ts',
    `  return stored;
}

function retries(`,
    `  return stored === 'retrying' ? 'pending' : stored;
}

function retries(`,
  ]),
  mutant('what a target asks for is ignored', [
    RETRY,
    'const asked = askedMs(headers, now);',
    'const asked = 0 * askedMs(headers, now);',
  ]),
  mutant('a target may ask to be called at once', [
    RETRY,
    'asked > own ?',
    `asked > own || 'retry-after' in headers ?`,
  ]),
  mutant('all that were told the same come at once', [
    RETRY,
    'drawn(asked, asked * (1 + LIMITS.askedJitter), draw)',
    'drawn(asked, asked * (1 + LIMITS.askedJitter), { ...draw, fraction: 0 })',
  ]),
  mutant('the wait between attempts is longer than agreed', [
    'lib/chain/settings.ts',
    'base * 2 ** (attempt - 1)',
    'base * 2 ** attempt',
  ]),
  mutant('there is no wait between attempts', [
    RETRY,
    'return drawn(whole / 2, whole, draw);',
    'return 0 * drawn(whole / 2, whole, draw);',
  ]),
  mutant('a wait may be as short as chance wants it', [
    RETRY,
    'return drawn(whole / 2, whole, draw);',
    'return drawn(0, whole, draw);',
  ]),
  mutant('a wait is not one that its queue keeps', [
    RETRY,
    '(last - first + 1))) * granularityMs;',
    '(last - first + 1))) * granularityMs + 1;',
  ]),
  mutant('a lease ends before its function', [
    'lib/contract/limits.ts',
    '  leaseMargin: 5,',
    '  leaseMargin: -14,',
  ]),
  mutant('the first dead letter counts as the second', [
    DEAD_LETTER,
    'trips = { trip: message.trip + 1, ',
    'trips = { trip: LIMITS.trips, ',
  ]),
  mutant('the last step leaves the end to the reconciler', [
    WORKER,
    'if (latest !== undefined) await advance(engine, chain, latest, step.name);',
    'if (latest !== undefined && chain.steps.some(({ after }) => after.includes(step.name))) await advance(engine, chain, latest, step.name);',
  ]),
  mutant('a resume is told that nothing has changed', [
    CHANGE,
    '  return answer(engine, state);\n}\n\n/** The state of a failed',
    `  return answer(engine, { ...state, meta: { ...meta, status: 'failed' } });\n}\n\n/** The state of a failed`,
  ]),
  mutant('a worker goes by other steps under the same version', [
    WORKER,
    'const chain = state && definitionOf(engine.chains, state.meta);',
    'const chain = state && engine.chains.find(state.meta.chain, state.meta.version);',
  ]),
  mutant('a workflow is shown by other steps under the same version', [
    'lib/engine/operations/read.ts',
    'const chain = definitionOf(chains, meta);',
    'const chain = chains.find(meta.chain, meta.version);',
  ]),
  mutant('a cancel that does not know the version erases nothing', [
    SHELL,
    'chain === undefined ? Object.keys(input) :',
    'chain === undefined ? [] :',
  ]),
  mutant('of a batch only the first failure is named', [
    'functions/handlers.ts',
    `handled[at] !== 'acknowledge')`,
    `handled[at] !== 'acknowledge' && at === 0)`,
  ]),
  mutant('a failed workflow keeps its sensitive input for ever', [
    SHELL,
    '  return dueAt === undefined ? rest : { ...rest, dueAt };',
    '  return dueAt === undefined || dueAt > 0 ? rest : { ...rest, dueAt };',
  ]),
  mutant('the sensitive input of a failed workflow is erased at once', [
    SHELL,
    '  return meta.updatedAt + (chain?.keepFailed ?? LIMITS.keepFailed) * DAY_MS;',
    '  return meta.updatedAt + (chain?.keepFailed ?? LIMITS.keepFailed);',
  ]),
  mutant('a call is repeated though its target may have forgotten the key', [
    DECISION,
    'if (until !== undefined && now > until) {',
    'if (until !== undefined && now > until + 86_400_000) {',
  ]),
  mutant('an attempt that ended the process is never counted', [
    RECOVERY,
    'const guilty = suspects.filter(',
    'const guilty = suspects.slice(suspects.length).filter(',
  ]),
  mutant('an attempt that was running when the process was killed is counted, whatever ran beside it', [
    'lib/local/store/attempts.ts',
    "const counts = state === 'blamed' || (state === 'alone' && lonely);",
    "const counts = state !== 'waits';",
  ]),
  mutant('an attempt that ended the process and had no other left is tried again', [
    RECOVERY,
    'return attempt > step.retries',
    'return attempt > step.retries + 1',
  ]),
  // Two rules hold it: the status, and that its input is erased.
  mutant(
    'a workflow that failed and was closed can be resumed',
    [CHANGE, "const from = ['failed', ", "const from = ['failed', 'cancelled', "],
    [CHANGE, "loaded.meta.status === 'failed'", "loaded.meta.status !== 'compensation_failed'"],
    [CHANGE, '  if (meta.erased) {', "  if (meta.erased && meta.status === 'failed') {"],
  ),
  ...MUTANTS_OF_DATA,
  ...MUTANTS_OF_LOOKUP,
  ...MUTANTS_OF_OUTCOMES,
  ...MUTANTS_OF_TELLING,
  ...MUTANTS_OF_UNDO,
];

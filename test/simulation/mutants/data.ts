import { type Mutant, mutant } from './mutant.ts';

const SEND = 'lib/engine/calling/send.ts';
const START = 'lib/engine/operations/start.ts';
const CHANGE = 'lib/engine/operations/change.ts';
const API_ENGINE = 'lib/engine/operations/api-engine.ts';
const SHELL = 'lib/engine/shell.ts';
const DECISION = 'lib/engine/decision.ts';

/** What a request of a client begins, what META keeps, what a target is sent, and how often: each wrong in one way. */
export const MUTANTS_OF_DATA: readonly Mutant[] = [
  mutant(
    'a start whose save fails begins another workflow',
    [START, 'const meta = newMeta(', 'let meta = newMeta('],
    [
      START,
      'await create().catch(create)',
      'await create().catch(() => { if (key === undefined) meta = newMeta(engine, chain, { ...request, key }, input); return create(); })',
    ],
  ),
  mutant('a start under a key begins another workflow each time', [
    START,
    'const id = key === undefined ? random.token() : derivedId(tenant, chain.name, key);',
    'const id = random.token();',
  ]),
  mutant('a resume begins the days anew that a workflow is kept', [
    CHANGE,
    "    ...newKeysOf(meta, stepsSaid(said, ['newKey', 'notDone']), epoch),",
    "    expiresAt: now + chain.keepDays * 86_400_000,\n    ...newKeysOf(meta, stepsSaid(said, ['newKey', 'notDone']), epoch),",
  ]),
  mutant('a resume erases the sensitive input', [
    CHANGE,
    '= undue(loaded.meta);',
    '= undue(erase(loaded.meta, chain.sensitive));',
  ]),
  mutant('a target is called without the sensitive input', [
    'lib/engine/request/seen.ts',
    '{ input: meta.input, ',
    '{ input: Object.fromEntries(Object.entries(meta.input).filter(([name]) => !chain.sensitive.includes(name))), ',
  ]),
  mutant('another request goes out under the key of the one before', [
    DECISION,
    '|| !isChanged(record, built)) {',
    '|| built !== null) {',
  ]),
  mutant('another request takes a new key, whatever the one before did', [
    DECISION,
    `  if (record.open > 0) {
    const failed = requestChanged`,
    `  if (record.open < 0) {
    const failed = requestChanged`,
  ]),
  mutant('another request keeps its key, as nobody has acted on the one before', [
    DECISION,
    'number: round + 1, first: true }',
    'number: round, first: true }',
  ]),
  mutant('a target that takes no key is called again where it may have acted', [
    'lib/engine/retry.ts',
    'keyedAt(record) + (keyLifetime - LIMITS.leaseMargin)',
    'keyedAt(record) + ((keyLifetime || LIMITS.keyLifetime) - LIMITS.leaseMargin)',
  ]),
  mutant('a step is saved without the time at which it expires', [
    SHELL,
    `    written = await store.writeStep(meta, record, expected, meta.expiresAt);
  } catch {`,
    `    written = await store.writeStep(meta, record, expected, 0);
  } catch {`,
  ]),
  mutant('what could give the sensitive input away stays when it is erased', [
    SHELL,
    '    ...(meta.fingerprint === undefined ? {} : { fingerprint: unsealed(meta.fingerprint) }),\n',
    '',
  ]),
  mutant('the wait for a secret comes on top of the time of a call', [
    SEND,
    'ports.http.call(request, leftMs())',
    'ports.http.call(request, call.deadlineMs)',
  ]),
  mutant('every step is written twice', [
    SHELL,
    `    written = await store.writeStep(meta, record, expected, meta.expiresAt);
  } catch {`,
    `    written = await store.writeStep(meta, record, expected, meta.expiresAt);
    written = await store.writeStep(meta, record, expected, meta.expiresAt);
  } catch {`,
  ]),
  mutant('META is written twice', [
    SHELL,
    'await write().catch(write)',
    'await write().catch(write).then(write)',
  ]),
  mutant('a start is saved twice', [
    START,
    'await create().catch(create)',
    'await create().catch(create).then(create)',
  ]),
  mutant('a start or resume that is saved is answered with an error where its messages are not sent', [
    API_ENGINE,
    `    ports.telemetry.emit({ event: 'unexpected_error', where: 'send', ...toldOf(error), workflowId });`,
    `    ports.telemetry.emit({ event: 'unexpected_error', where: 'send', ...toldOf(error), workflowId });
    throw error;`,
  ]),
];

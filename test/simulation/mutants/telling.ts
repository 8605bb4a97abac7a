import { type Mutant, mutant } from './mutant.ts';

const STEP_FAILED = 'lib/engine/step-failed.ts';
const RECONCILER = 'lib/engine/reconciler.ts';
const TELL = 'lib/engine/telling/tell.ts';
const PACE = 'lib/engine/telling/pace.ts';
const DIGEST = 'lib/engine/telling/digest.ts';

/** Ways to tell on-call too little, too late or too much. */
export const MUTANTS_OF_TELLING: readonly Mutant[] = [
  mutant('on-call counts as told though nothing was published', [
    TELL,
    '  await ports.notifier.notify(digest);',
    '  await ports.notifier.notify(digest).catch(() => undefined);',
  ]),
  mutant('failures are marked as told before their digest is published', [
    TELL,
    '  await ports.notifier.notify(digest);',
    '  await markTold(engine, head);\n  await ports.notifier.notify(digest);',
  ]),
  mutant('a failure whose kind was told of counts as told', [
    STEP_FAILED,
    `  if (untold !== undefined) await tell(engine, { failures: [untold], by: 'first', pace, patienceMs });`,
    `  if (untold !== undefined && !(await tell(engine, { failures: [untold], by: 'first', pace, patienceMs }))) {
    const { notify: _, dueAt: __, ...told } = state.meta;
    await saveMeta(engine.ports, told, { status: told.status, epoch: told.epoch });
  }`,
  ]),
  mutant('the reconciler tells nobody', [
    RECONCILER,
    '  await tellAll(engine, collection, remainingMs);\n',
    '',
  ]),
  mutant('on-call is told by the reconciler alone', [
    STEP_FAILED,
    '  await tellOf(engine, chain, latest ?? written, pace);\n',
    '',
  ]),
  mutant('no digest closes its window', [
    PACE,
    'return over ? undefined : Math.max(window.until, now);',
    'return undefined;',
  ]),
  mutant('a digest is published without a turn', [
    TELL,
    'if (written.written || written.current?.nonce === nonce) {',
    'if (true) {',
  ]),
  mutant('whoever meets a turn for the same digest takes it for its own', [
    TELL,
    'written.current?.nonce === nonce',
    'written.current?.windows.at(-1)?.head === wanted.head',
  ]),
  mutant('a single failure takes the turn of all that have waited', [
    PACE,
    `(by === 'first' ? GRACE_MS : 0)`,
    '0',
  ]),
  mutant('a turn is taken without looking when the last one was', [
    PACE,
    'const at = Math.max(now, pace.nextAt);',
    'const at = now;',
  ]),
  mutant('a digest tells of failures of another kind', [
    DIGEST,
    'const { chain, error } = untold;\n',
    'const { chain, error } = untold;\n  if (!isAlone(untold)) return chain;\n',
  ]),
  mutant('a digest counts one failure too many', [
    DIGEST,
    '    count: failures.length,',
    '    count: failures.length + 1,',
  ]),
];

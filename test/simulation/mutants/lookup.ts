import { type Mutant, mutant } from './mutant.ts';

const DECIDE = 'lib/engine/lookup/decide.ts';
const WORDS = 'lib/engine/lookup/words.ts';
const LOOK_UP = 'lib/engine/lookup/look-up.ts';
const LOOKING_UP = 'lib/engine/lookup/looking-up.ts';
const UNDO = 'lib/engine/undo/decide.ts';
const UNDO_WORDS = 'lib/engine/undo/words.ts';
const UNDO_DEAD_LETTER = 'lib/engine/undo/dead-letter.ts';
const PIVOT = 'lib/engine/undo/pivot.ts';
const STEP_FAILED = 'lib/engine/step-failed.ts';
const RECONCILER = 'lib/engine/reconciler.ts';

/** What is asked, and what is made of the answer: each wrong in one way. */
export const MUTANTS_OF_LOOKUP: readonly Mutant[] = [
  mutant('that nothing was done counts however early it is said', [
    LOOK_UP,
    "if (answer === 'notDone' && early !== undefined) {",
    "if (answer === 'notDone' && early === 0) {",
  ]),
  mutant('a step that was not done is called under the same key', [
    DECIDE,
    'round: record.round + 1,',
    'round: record.round,',
  ]),
  mutant('a step that was not done stays in doubt', [
    DECIDE,
    '    open: 0,\n    round: record.round + 1,',
    '    open: record.open,\n    round: record.round + 1,',
  ]),
  mutant('an answer counts for whatever is called later', [
    WORDS,
    `  if (record === undefined || record.epoch !== state.meta.epoch) return undefined;
  return record.round === state.steps.get(step)?.round ? record : undefined;`,
    '  return record;',
  ]),
  mutant('a lookup in vain before a step was given up counts before its undo, too', [
    WORDS,
    'hasEnded(lookup) && sideOf(lookup) === side;',
    'hasEnded(lookup);',
  ]),
  mutant('a target that cannot tell is asked for ever', [
    WORDS,
    "  status === 'failed' || (status === 'completed' && answer === 'unknown');",
    "  status === 'failed' || (status === 'completed' && answer === undefined);",
  ]),
  mutant('nobody is asked before a step is given up', [
    WORDS,
    '  if (lookup === undefined || ',
    "  if (lookup === undefined || side === 'do' || ",
  ]),
  mutant(
    'a step is given up before its target was asked',
    [
      'lib/engine/worker.ts',
      "if (kind === 'do' && lookup !== undefined && record.open > 0) {",
      "if (kind === 'do' && lookup !== undefined && record.open < 0) {",
    ],
    [STEP_FAILED, "    if (asking === 'no') return fail;", '    if (asking !== undefined) return fail;'],
  ),
  mutant(
    'the reconciler sends the dead letter of a step whose target is asked, and it counts',
    [RECONCILER, "      if (asking === 'no') return [", '      if (asking !== undefined) return ['],
    [STEP_FAILED, "    if (asking === 'no') return fail;", '    if (asking !== undefined) return fail;'],
  ),
  mutant('the reconciler has nobody asked', [
    RECONCILER,
    "return [{ why: 'the target of the step is to be asked', outgoing: toStep(message) }];",
    'return [];',
  ]),
  mutant('the pivot is past before its target was asked', [
    PIVOT,
    "return askingOf(state, step, 'undo', now) === 'no' ? 'past' : 'asked';",
    "return 'past';",
  ]),
  mutant('a step in doubt is undone and its target not asked', [
    UNDO_WORDS,
    "  if (!pivot && !needsUndo(state, step)) return 'no';",
    "  if (!pivot) return 'no';",
  ]),
  mutant(
    'the target of a step is asked before its undo while its call may act, and the answer counts',
    [UNDO, 'lateUntil(state, step, now) ?? notBefore(undo, now);', 'notBefore(undo, now);'],
    [UNDO, "  if (late !== undefined) return { do: 'hold', until: late };\n", ''],
    [
      LOOK_UP,
      "if (answer === 'notDone' && early !== undefined) {",
      "if (answer === 'notDone' && early !== undefined && at.action === 'do') {",
    ],
  ),
  mutant('a compensation whose lookup found nothing out is never given up', [
    UNDO_DEAD_LETTER,
    "  if (isUndoUnsure(state, step)) return { do: 'failUndo', error: unanswered(step.name, state) };\n",
    '',
  ]),
  mutant('a step that is done has no result', [
    DECIDE,
    '    ...(result === undefined ? {} : { result }),\n',
    '',
  ]),
  mutant('a target is asked as often as it does not answer', [
    DECIDE,
    'const attempt = (mine?.attempt ?? 0) + 1;',
    'const attempt = 1;',
  ]),
  mutant('two ask at a time', [WORDS, 'notBefore(lookupOf(state, step), now)', 'undefined']),
  mutant('a target that cannot tell says that nothing was done', [
    DECIDE,
    "if (lookup?.answer === 'notDone') return",
    'if (lookup?.answer !== undefined) return',
  ]),
  mutant('a lookup has an idempotency key', [
    LOOKING_UP,
    "builtOf(step, { ...spec, idempotency: 'none' }, id)",
    'builtOf(step, spec, id)',
  ]),
  mutant('what was not done is called again, whatever its attempts', [
    DECIDE,
    "const again = side === 'do' && record.attempt <= step.retries && ",
    "const again = side === 'do' && ",
  ]),
];

import { type Mutant, mutant } from './mutant.ts';

const DECIDE = 'lib/engine/undo/decide.ts';
const WORDS = 'lib/engine/undo/words.ts';
const PIVOT = 'lib/engine/undo/pivot.ts';
const ADVANCE = 'lib/engine/undo/advance.ts';
const DEAD_LETTER = 'lib/engine/undo/dead-letter.ts';
const TURN = 'lib/engine/undo/turn.ts';
const SHELL = 'lib/engine/shell.ts';
const WORKER = 'lib/engine/worker.ts';
const STEP_FAILED = 'lib/engine/step-failed.ts';
const CHANGE = 'lib/engine/operations/change.ts';
const OUTCOME = 'lib/engine/outcome.ts';
const SEEN = 'lib/engine/request/seen.ts';

/** Every rule of undo that was found necessary, left out. */
export const MUTANTS_OF_UNDO: readonly Mutant[] = [
  mutant('what comes after a step is not closed before the step is undone', [
    DECIDE,
    '      (one.name === step.name || behind.has(one.name)) &&\n',
    '      one.name === step.name &&\n',
  ]),
  mutant('a step is undone and not closed before', [
    DECIDE,
    '      (one.name === step.name || behind.has(one.name)) &&\n',
    '      behind.has(one.name) &&\n',
  ]),
  mutant('a step that is closed keeps the token of its claim', [
    WORDS,
    "status: 'cancelled', token, updatedAt",
    "status: record.status === 'pending' ? 'cancelled' : record.status, token: record.token, updatedAt",
  ]),
  mutant('a step counts as over though steps after it are not', [
    WORDS,
    '        successors(chain, name).every((after) => over.has(after.name)) &&\n',
    '',
  ]),
  mutant('a step is undone though a worker is at one after it', [
    DECIDE,
    "  if (chain.steps.some(({ name }) => behind.has(name) && !over.has(name))) return { do: 'advance', at };",
    `  if (chain.steps.some(({ name }) => behind.has(name) && !over.has(name) && !isLive(state.steps.get(name), now))) return { do: 'advance', at };`,
  ]),
  mutant('a step is closed and undone though a worker is at it', [
    DECIDE,
    '      !isLive(state.steps.get(one.name), now),\n',
    '      (one.name === step.name || !isLive(state.steps.get(one.name), now)),\n',
  ]),
  mutant(
    'steps are undone in any order',
    [
      DECIDE,
      "  if (chain.steps.some(({ name }) => behind.has(name) && !over.has(name))) return { do: 'advance', at };\n",
      '',
    ],
    [
      WORDS,
      '      successors(chain, step.name).every((after) => over.has(after.name) || isUntouched(state, after, now)) &&\n',
      '',
    ],
  ),
  mutant('a step of which nobody knows whether it acted is not undone', [
    WORDS,
    "undo !== undefined && (state.steps.get(name)?.status === 'completed' || isInDoubt(state, name));",
    "undo !== undefined && state.steps.get(name)?.status === 'completed';",
  ]),
  mutant('a step that surely did nothing is undone', [
    WORDS,
    "undo !== undefined && (state.steps.get(name)?.status === 'completed' || isInDoubt(state, name));",
    'undo !== undefined && state.steps.get(name) !== undefined;',
  ]),
  mutant('the undo of a step in doubt does not wait until late calls are over', [
    'lib/engine/undo/doubt.ts',
    'const until = lastDeadline(',
    'const until = 0 * lastDeadline(',
  ]),
  mutant('who has undone a step does not load again', [
    WORKER,
    "action === 'undo' || mustReload(chain, known, step.name);",
    "action === 'do' && mustReload(chain, known, step.name);",
  ]),
  mutant('a message that asks for a step does not undo it', [
    WORKER,
    "      state?.meta.status === 'compensating'\n",
    "      state?.meta.status === 'compensating' && message.action === 'undo'\n",
  ]),
  mutant('the dead letter of a step is dropped while its workflow is taken back', [
    DEAD_LETTER,
    "  const isOfDo = message.action === 'do' && undo === undefined;\n",
    `  if (message.action === 'do') return { do: 'acknowledge', because: 'it is of a step' };
  const isOfDo = false;
`,
  ]),
  mutant('an undo that failed fails no compensation', [
    DEAD_LETTER,
    "  if (undo?.status === 'failed' && undo.epoch === meta.epoch) return { do: 'failUndo', error: errorOf(undo) };\n",
    '',
  ]),
  mutant('a step that is undone is undone again', [
    DECIDE,
    "  if (over.has(step.name)) return { do: 'advance', at };\n",
    '',
  ]),
  mutant('a load of before the compensation beside what it wrote is believed', [
    SHELL,
    "const before = meta.status === 'processing' || meta.status === 'failed';",
    'const before = meta.epoch < 0;',
  ]),
  mutant('the last refusal of a step makes its earlier attempts forgotten', [
    OUTCOME,
    'const open = claimed.open - ',
    'const open = 1 - ',
  ]),
  mutant('the reconciler repairs no compensation', [
    'lib/engine/reconciler.ts',
    "if (meta.status === 'compensating') return undoRepairs(chain, state, now, queuesLost);",
    "if (meta.status === 'compensating') return [];",
  ]),
  mutant('the step-failed handler leaves it to the reconciler to begin a compensation', [
    STEP_FAILED,
    '  if (turns && latest !== undefined) await advanceUndo(engine, definition, latest);\n',
    '',
  ]),
  mutant('a step that failed before a resume counts as closed', [
    WORDS,
    "(record?.status === 'failed' && record.epoch === state.meta.epoch) ||",
    "record?.status === 'failed' ||",
  ]),
  mutant('the resume of a compensation keeps the epoch', [
    CHANGE,
    '= loaded.meta;\n  const epoch = meta.epoch + 1;',
    '= loaded.meta;\n  const epoch = meta.epoch;',
  ]),
  mutant('the pivot is no bar for who is about to undo', [
    PIVOT,
    "  if (isDone(record)) return 'past';\n",
    '',
  ]),
  mutant('a chain that stops is taken back', [TURN, "  state.meta.onFailure === 'undo' &&\n", '']),
  mutant('a compensation ends while on-call has yet to hear of its failure, and nobody tells', [
    ADVANCE,
    '...(meta.notify === undefined ? undue(erased) : erased),',
    '...undue(erased),',
  ]),
  mutant('a compensated workflow keeps its sensitive input', [
    ADVANCE,
    'const erased = erase(meta, chain.sensitive);',
    'const erased = erase(meta, []);',
  ]),
  mutant('a compensation ends with its first step that is over', [
    ADVANCE,
    'if (!isAllOver(chain, latest, clock.now())) {',
    'if (from === undefined && !isAllOver(chain, latest, clock.now())) {',
  ]),
  mutant('nothing found counts as undone where the step is done', [
    WORKER,
    '  NOTHING_THERE.includes(httpStatus) &&\n  isInDoubt(state, step.name);',
    '  NOTHING_THERE.includes(httpStatus);',
  ]),
  mutant('an undo is told a key that was not sent', [
    SEEN,
    'const round = state.steps.get(step.name)?.round ?? 0;',
    'const round = (state.steps.get(step.name)?.round ?? 0) + 1;',
  ]),
  mutant('a step said to be undone by hand is undone by a call', [
    CHANGE,
    'const saved = await saveUndone(engine.ports, chain, loaded, said);',
    'const saved = said.size < 0 ? await saveUndone(engine.ports, chain, loaded, said) : loaded;',
  ]),
  mutant('the dead letter of a step brings on that step alone', [
    STEP_FAILED,
    'await advanceUndo(engine, known(chains, chain, meta), state);',
    'await advanceUndo(engine, known(chains, chain, meta), state, message.step);',
  ]),
  mutant('a workflow forgets that it is to be taken back', [
    'lib/engine/operations/start.ts',
    "    ...(chain.onFailure === 'undo' ? { onFailure: chain.onFailure } : {}),\n",
    '',
  ]),
];

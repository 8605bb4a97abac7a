import type { WorkflowStatus } from '../../lib/contract/names.ts';
import type { WorkflowAnswer } from '../../lib/contract/wire.ts';
import type { Ended, SoakChain, SoakStep, Source } from './chains.ts';

type Fields = Readonly<Record<string, unknown>>;

/** One effect as its target's ledger has it. */
export interface LedgerEntry {
  readonly target: string;
  readonly key: string;
  readonly body: Fields;
  /** What the target answered. */
  readonly reply: Fields;
  /** The key of the effect that it takes back. */
  readonly undoes?: string;
}

/** What an earlier answer has shown, and no later one may take back. */
export interface Promised {
  readonly completedSteps: ReadonlySet<string>;
  readonly ended: Ended | undefined;
}

/** A workflow whose start was answered with 202, and what is shown of it at the end. */
export interface Accepted {
  readonly id: string;
  readonly chain: SoakChain;
  readonly input: Fields;
  readonly promised: Promised;
  /** Undefined: there is no such workflow. */
  readonly shown: WorkflowAnswer | undefined;
}

export interface Answers {
  readonly accepted: readonly Accepted[];
  /** Every workflow of the listing. */
  readonly listed: ReadonlyMap<string, string>;
}

export interface Finding {
  readonly workflowId: string;
  readonly what: string;
}

/** What is wrong; nothing, where every list is empty. */
export interface Comparison {
  /** A step took effect more than once. */
  readonly duplicates: readonly Finding[];
  /** A workflow that was accepted is unknown or has not ended, or an effect that is shown never happened, or one stands that was to be taken back. */
  readonly lost: readonly Finding[];
  /** A step took effect before a step that it comes after, or was undone before one that comes after it. */
  readonly outOfOrder: readonly Finding[];
  /** What is shown is not what was sent, done or shown before. */
  readonly mismatches: readonly Finding[];
}

/**
 * Holds what the server answers against what its targets did.
 * @param ledger every effect, in the order in which they happened
 * @example compare(ledger, { accepted, listed }).duplicates // []
 */
export function compare(ledger: readonly LedgerEntry[], answers: Answers): Comparison {
  const effects = new Map<string, Placed[]>();
  for (const [at, entry] of ledger.entries()) {
    const [, step, action] = /^(wf_[0-9a-f]+:[^:]+):(do|undo):\d+$/.exec(entry.key) ?? [];
    const place = step === undefined ? entry.key : action === 'undo' ? `${step}:undo` : step;
    effects.set(place, [...(effects.get(place) ?? []), { ...entry, at }]);
  }
  const found: Found[] = answers.accepted.flatMap((workflow) =>
    [...presence(workflow, answers), ...steps(workflow, effects)].map((one) => ({
      workflowId: workflow.id,
      ...one,
    })),
  );
  found.push(...strangers(effects, answers));
  const of = (kind: keyof Comparison): readonly Finding[] =>
    found.flatMap(({ kind: its, workflowId, what }) => (its === kind ? [{ workflowId, what }] : []));
  return {
    duplicates: of('duplicates'),
    lost: of('lost'),
    outOfOrder: of('outOfOrder'),
    mismatches: of('mismatches'),
  };
}

interface Placed extends LedgerEntry {
  /** Its place among all effects. */
  readonly at: number;
}
type Effects = ReadonlyMap<string, readonly Placed[]>;

interface Problem {
  readonly kind: keyof Comparison;
  readonly what: string;
}
type Found = Problem & { readonly workflowId: string };

const lost = (what: string): Problem => ({ kind: 'lost', what });
const mismatch = (what: string): Problem => ({ kind: 'mismatches', what });

const ENDS: readonly WorkflowStatus[] = ['completed', 'failed', 'cancelled', 'compensated'];

/** Whether it is there, has ended, and as was said before. */
function presence({ id, chain, shown, promised }: Accepted, { listed }: Answers): readonly Problem[] {
  if (shown === undefined) return [lost('it was accepted, and now it is unknown')];
  const { status } = shown;
  const problems: Problem[] = [];
  if (!ENDS.includes(status)) problems.push(lost(`it is still ${status}`));
  if (shown.chain !== chain.name) problems.push(mismatch(`it is shown as ${shown.chain}`));
  if (promised.ended !== undefined && promised.ended !== status) {
    problems.push(mismatch(`it was shown ${promised.ended}, and now it is ${status}`));
  }
  if (!listed.has(id)) problems.push(lost('it is not listed'));
  else if (listed.get(id) !== status) {
    problems.push(mismatch(`it is listed as ${listed.get(id)}, and shown as ${status}`));
  }
  return problems;
}

function steps(workflow: Accepted, effects: Effects): readonly Problem[] {
  const { id, chain, input, shown, promised } = workflow;
  const of = (step: string): readonly Placed[] => effects.get(`${id}:${step}`) ?? [];
  const valueAt = (source: Source): unknown => {
    const [from = '', field = ''] = source.split('.');
    return from === 'input' ? input[field] : of(from)[0]?.reply[field];
  };
  const problems = chain.steps.flatMap((step) => [
    ...once(step, of(step.name)),
    ...inOrder(step, of),
    ...of(step.name).flatMap((effect) => rightly(step, effect, valueAt)),
    ...undone(step, workflow, of),
  ]);
  if (shown === undefined) return problems;
  for (const { name } of chain.steps) {
    const status = shown.steps[name];
    if (status === 'completed' && of(name).length === 0) {
      problems.push(lost(`${name} is shown completed, and its effect is missing`));
    }
    if (status !== 'completed' && shown.status === 'completed') {
      problems.push(mismatch(`it is completed, and its step ${name} ${status ?? 'is not shown'}`));
    }
    if (status !== 'completed' && promised.completedSteps.has(name)) {
      problems.push(mismatch(`${name} was shown completed, and now it is ${status ?? 'not shown'}`));
    }
  }
  for (const [field, source] of Object.entries(chain.shows)) {
    const done = shown.steps[source.split('.')[0] ?? ''] === 'completed';
    const expected = done ? valueAt(source) : null;
    if (shown[field] !== expected) {
      problems.push(mismatch(`${field} is shown as ${text(shown[field])}, and is ${text(expected)}`));
    }
  }
  return problems;
}

const TAKEN_BACK: readonly WorkflowStatus[] = [
  'compensated',
  'compensation_failed',
  'compensating',
  'cancelled',
];

/** What is wrong with how it was taken back. */
function undone(
  { name, target, undo: canUndo }: SoakStep,
  { chain, shown }: Accepted,
  of: (place: string) => readonly Placed[],
): readonly Problem[] {
  const [effect] = of(name);
  const undos = of(`${name}:undo`);
  const [undo] = undos;
  if (undo === undefined) {
    return canUndo && effect !== undefined && shown?.status === 'compensated'
      ? [lost(`it is compensated, and ${name} stands`)]
      : [];
  }
  const after = chain.steps.filter((step) => step.after.includes(name)).map((step) => step.name);
  const tooSoon = [name, ...after, ...after.map((step) => `${step}:undo`)].filter((place) =>
    of(place).some(({ at }) => at > undo.at),
  );
  return [
    ...once({ name: `the undo of ${name}` }, undos),
    ...(undo.undoes === effect?.key && undo.target === target
      ? []
      : [mismatch(`the undo of ${name} took back ${undo.undoes ?? 'nothing'} at ${undo.target}`)]),
    ...tooSoon.map((place): Problem => ({ kind: 'outOfOrder', what: `${name} was undone before ${place}` })),
    ...(shown === undefined || TAKEN_BACK.includes(shown.status)
      ? []
      : [mismatch(`${name} was undone, and the workflow is ${shown.status}`)]),
  ];
}

function once({ name }: Pick<SoakStep, 'name'>, effects: readonly Placed[]): readonly Problem[] {
  if (effects.length < 2) return [];
  const keys = effects.map(({ key }) => key).join(', ');
  return [{ kind: 'duplicates', what: `${name} took effect ${effects.length} times: ${keys}` }];
}

function inOrder(step: SoakStep, of: (step: string) => readonly Placed[]): readonly Problem[] {
  const first = of(step.name)[0];
  if (first === undefined) return [];
  return step.after.flatMap((before): readonly Problem[] => {
    const earlier = of(before)[0];
    if (earlier !== undefined && earlier.at < first.at) return [];
    const when = earlier === undefined ? `without ${before}` : `before ${before}`;
    return [{ kind: 'outOfOrder', what: `${step.name} took effect ${when}` }];
  });
}

/** Whether the call went to the right target, with the right values. */
function rightly(step: SoakStep, effect: Placed, valueAt: (source: Source) => unknown): readonly Problem[] {
  const elsewhere =
    effect.target === step.target ? [] : [mismatch(`${step.name} took effect at ${effect.target}`)];
  const wrong = Object.entries(step.carries).flatMap(([field, source]) => {
    const expected = valueAt(source);
    if (effect.body[field] === expected) return [];
    return [mismatch(`${step.name} sent ${text(effect.body[field])} as ${field}, not ${text(expected)}`)];
  });
  return [...elsewhere, ...wrong];
}

/** Effects and listed workflows that nobody asked for. */
function strangers(effects: Effects, { accepted, listed }: Answers): readonly Found[] {
  const known = new Set(accepted.map(({ id }) => id));
  const places = new Set(
    accepted.flatMap(({ id, chain }) =>
      chain.steps.flatMap(({ name, undo }) => [`${id}:${name}`, ...(undo ? [`${id}:${name}:undo`] : [])]),
    ),
  );
  const listedOnly = [...listed.keys()].filter((id) => !known.has(id));
  const effectsOnly = [...effects.keys()].filter((place) => !places.has(place));
  return [
    ...listedOnly.map((id) => ({ workflowId: id, ...mismatch('it is listed, and nobody started it') })),
    ...effectsOnly.map((place) => ({
      workflowId: place.split(':')[0] ?? place,
      ...mismatch(`an effect for ${place}, which nobody started`),
    })),
  ];
}

const text = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

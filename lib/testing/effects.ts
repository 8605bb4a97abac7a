import type { FakeCall } from './fakes/call.ts';

/** Something that was done, once. */
export interface Effect {
  /** In words, with what it was done. */
  readonly how: string;
  /** Under which key; undefined where none was read, so that it was done anew each time. */
  readonly key: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What may bring something about: the request of a step or of its undo, or one call of their code. A lookup never does. */
export interface Acting extends Pick<FakeCall, 'step'> {
  readonly call?: string | undefined;
  readonly action?: 'undo' | undefined;
}

/** What a call brings about, in words. */
export const effectOf = ({ step, call, action }: Acting): string =>
  `the ${action === 'undo' ? 'undo' : 'effect'} of step "${step}"${call === undefined ? '' : `, call "${call}"`}`;

/** What was done in a run, by what it is: the effect of a step, or what the test tells of. */
export interface EffectsOfRun {
  /** Something was done that was not known to be done before. */
  acted(what: string, effect: Omit<Effect, 'at'>): void;
  readonly all: ReadonlyMap<string, readonly Effect[]>;
}

export function createEffects(now: () => number): EffectsOfRun {
  const all = new Map<string, Effect[]>();
  return {
    all,
    acted: (what, effect) => {
      const before = all.get(what) ?? [];
      all.set(what, before);
      before.push({ ...effect, at: now() });
    },
  };
}

/** What happened more often than it may: the effects of it, of which the last is one too many. */
export interface Repeated {
  readonly what: string;
  readonly effects: readonly Effect[];
}

/** The first that happened too often. @param allowed how often it may */
export function firstRepeated(
  { all }: Pick<EffectsOfRun, 'all'>,
  allowed: (what: string) => number,
): Repeated | undefined {
  const repeated = [...all].flatMap(([what, effects]) => {
    const upTo = effects.slice(0, allowed(what) + 1);
    return upTo.length > allowed(what) ? [{ what, effects: upTo }] : [];
  });
  const endOf = ({ effects }: Repeated): number => effects.at(-1)?.at ?? 0;
  return repeated.sort((a, b) => endOf(a) - endOf(b))[0];
}

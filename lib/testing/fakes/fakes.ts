import type { ChainDefinition } from '../../chain/definition.ts';
import { stepPlaces } from '../../chain/places.ts';
import { didYouMean } from '../../chain/suggest.ts';
import { answer, isSaid, type Said } from './answer.ts';
import type { FakeCall } from './call.ts';
import { findRoute, patternOf, type Route } from './routes.ts';

/** Answers a call: `answer(…)`, `noAnswer()`, `broken()`, `unreachable()`, or a plain value, which is the body of a 200; or a promise of these. */
export type FakeFunction = (call: FakeCall) => unknown;

/** A function of the call, or what it would return. */
export type Fake = FakeFunction | Said | object | string | number | boolean | null;

/** Fakes by method and path. */
export type FakeRoutes = Readonly<Record<Route, Fake>>;

/** What a fake target does about idempotency keys; see `fakeTarget`. */
export type FakeIdempotency = 'none' | { readonly header?: string; readonly lifetime?: number };

/** A target whose keys are told, made by `fakeTarget`. */
export class FakeTargetWithKeys {
  readonly idempotency: FakeIdempotency;
  readonly fakes: FakeRoutes | FakeFunction;

  constructor(idempotency: FakeIdempotency, fakes: FakeRoutes | FakeFunction) {
    this.idempotency = idempotency;
    this.fakes = fakes;
  }
}

/** A target: its fakes by method and path, or one function for all of its calls. */
export type FakeTarget = FakeRoutes | FakeFunction | FakeTargetWithKeys;

/** The fake targets of a test, by their names. */
export type Fakes = Readonly<Record<string, FakeTarget>>;

/** Tells `everyFault` of effects that no target sees, of a `run` step say. */
export interface Effects {
  /**
   * Something was done. `everyFault` reports it if it is done more often than without any fault: under another key, or where no key is
   * given, once more.
   * @param what in words
   * @example ledger.book = (entry, key) => acted('a booking', key)
   */
  acted(what: string, idempotencyKey?: string): void;
}

/** The same, or a function that makes them: `everyFault` calls it for every run, so that no run sees what another left. */
export type Targets = Fakes | ((effects: Effects) => Fakes);

/**
 * A fake target that says itself how it takes idempotency keys, as the real one does. Without it a fake takes keys as the chain sends them. Either
 * way it acts once under a key, and answers it the same again.
 * @param idempotency `'none'`: it takes no keys. `header`: where it reads them. `lifetime`: seconds for which it remembers them.
 * @example targets: { paypal: fakeTarget({ header: 'paypal-request-id' }, { 'POST /v2/payments': { id: 'p-1' } }) }
 */
export const fakeTarget = (
  idempotency: FakeIdempotency,
  fakes: FakeRoutes | FakeFunction,
): FakeTargetWithKeys => new FakeTargetWithKeys(idempotency, fakes);

/** The fakes of a test, looked at. Errors: `TypeError` for a path that is none, and for a target that no step calls. */
export function checkedFakes(chain: ChainDefinition, fakes: Fakes): Fakes {
  const called = stepPlaces([chain]).map(({ targets }) => targets);
  const names = [...new Set(called.flatMap((targets) => targets ?? []))];
  for (const [name, target] of Object.entries(fakes)) {
    if (!called.includes(undefined) && !names.includes(name)) throw notCalled(chain, name, names);
    for (const route of Object.keys(routesIn(target) ?? {})) patternOf(name, route);
  }
  return fakes;
}

const notCalled = (chain: ChainDefinition, name: string, names: readonly string[]): TypeError =>
  new TypeError(
    `targets has "${name}", which no step of ${chain.name} calls. ${didYouMean(name, names)}Its steps call ${names.length === 0 ? 'none' : names.map((one) => `"${one}"`).join(', ')}.`,
  );

const partOf = (target: FakeTarget): FakeRoutes | FakeFunction =>
  target instanceof FakeTargetWithKeys ? target.fakes : target;

const isFunction = (fake: unknown): fake is FakeFunction => typeof fake === 'function';

/** The routes of a target; undefined where one function is for all of its calls, or where there is no such target. */
export function routesIn(target: FakeTarget | undefined): Readonly<Record<string, Fake>> | undefined {
  if (target === undefined) return undefined;
  const part = partOf(target);
  return isFunction(part) ? undefined : part;
}

/** What answers a call; undefined where nothing does. */
export function findFake(
  fakes: Fakes,
  name: string,
  call: FakeCall,
): (() => Said | Promise<Said>) | undefined {
  const target = Object.hasOwn(fakes, name) ? fakes[name] : undefined;
  if (target === undefined) return undefined;
  const part = partOf(target);
  if (isFunction(part)) return () => saidBy(part, call);
  const found = findRoute(name, routesIn(target) ?? {}, call);
  return found && (() => saidBy(found.fake, { ...call, params: found.params }));
}

/** How a target says that it takes keys; undefined where it takes them as they are sent. */
export const idempotencyOf = (fakes: Fakes, name: string): FakeIdempotency | undefined => {
  const target = Object.hasOwn(fakes, name) ? fakes[name] : undefined;
  return target instanceof FakeTargetWithKeys ? target.idempotency : undefined;
};

function saidBy(fake: Fake, call: FakeCall): Said | Promise<Said> {
  const said: unknown = isFunction(fake) ? fake(call) : fake;
  return said instanceof Promise ? said.then((later) => saidOf(later, call)) : saidOf(said, call);
}

function saidOf(value: unknown, { method, path }: FakeCall): Said {
  if (isSaid(value)) return value;
  if (value === undefined) {
    throw new TypeError(
      `the fake for ${method} ${path} returned nothing: write answer(204) for an empty reply, or return what is to be the body of a 200`,
    );
  }
  // A text is a value, too: JSON.
  return typeof value === 'string'
    ? answer(200, JSON.stringify(value), { 'content-type': 'application/json' })
    : answer(200, value);
}

import type * as z from 'zod';
import { DEMO_TARGETS, type DemoRoute, type DemoTarget } from './catalogue.ts';
import { HttpRefusal } from './http.ts';
import { makeValue, problemOf } from './made.ts';

/** The step that a call comes from. */
export interface Caller {
  /** Chain and step. */
  readonly name: string;
  /** What the step takes for a reply; undefined where it takes any. */
  readonly response: z.ZodType | undefined;
  /** What the step reads a reply as. */
  readonly read: 'json' | 'text';
  /** Texts of the workflow that are kept nowhere. */
  readonly secrets: readonly string[];
  /** Of an undo: the calls that it takes back. */
  readonly undoes?: Calls;
  /** Of a lookup: the calls that it asks for. */
  readonly looksUp?: Calls;
}

/** Calls of a step: their key as it was sent, and the targets that were called with it; undefined where its definition does not show them. */
export interface Calls {
  readonly key: string;
  readonly targets: readonly string[] | undefined;
}

/** Finds the step that a call comes from; undefined where it comes from none, as one by hand. */
export type FindCaller = (headers: Readonly<Record<string, unknown>>) => Promise<Caller | undefined>;

/** The idempotency key of a call, where it has one. */
export type KeyIn = (headers: Readonly<Record<string, unknown>>) => string | null;

/** A call as a demo target sees it. */
export interface Asked {
  readonly target: string;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The same for a call that is repeated. */
  readonly seed: string;
  id(prefix: string): string;
}

export interface Answer {
  readonly status: number;
  /** JSON, or text for a step that reads that. */
  readonly body: unknown;
}

/**
 * What a demo target answers to a step: the reply of its catalogue where the step takes it, else one that is made from the
 * step's response schema. To a call by hand: the reply of the catalogue.
 * Errors: `HttpRefusal` 501 where no made value passes the schema, with what to write; 400, 404 and 405 for calls by hand.
 */
export async function answerTo(asked: Asked, caller: Caller | undefined): Promise<Answer> {
  const target = targetOf(asked.target);
  if (caller === undefined) return { status: 201, body: byHand(asked, target) };
  const status = asked.method === 'POST' ? 201 : 200;
  const { response } = caller;
  const route = routesOf(target).find(({ method, path }) => method === asked.method && path === asked.path);
  const fields = fieldsOf(asked);
  if (route !== undefined && caller.read === 'json' && fields !== undefined) {
    const body = route.reply({ ...asked, body: fields });
    if (response === undefined || (await problemOf(response, body)) === undefined) return { status, body };
  }
  if (response === undefined) return { status, body: {} };
  const made = await makeValue(response, asked.seed);
  if (made.made) return { status, body: made.value };
  throw new HttpRefusal(501, exampleWanted(caller, made.value, made.problem));
}

const targetOf = (target: string): DemoTarget | undefined =>
  Object.entries(DEMO_TARGETS).find(([name]) => name === target)?.[1];

const routesOf = (target: DemoTarget | undefined): readonly DemoRoute[] =>
  [target, target?.undoes].filter((route) => route !== undefined);

/** Undefined where the body is none of fields. */
const fieldsOf = ({ method, body, query }: Asked): Readonly<Record<string, unknown>> | undefined =>
  isObject(body) ? body : method === 'DELETE' ? query : undefined;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The line to write comes first: of a long error only the beginning is shown. */
const exampleWanted = ({ name }: Caller, tried: unknown, problem: string): string =>
  `write .meta({ examples: [a reply] }) after the response schema of ${name}: no made reply passes it, such as ${JSON.stringify(tried)} (${problem})`;

function byHand(asked: Asked, target: DemoTarget | undefined): unknown {
  if (target === undefined) {
    throw new HttpRefusal(
      404,
      `${asked.target} answers the calls of workflows alone: start one, and see GET /ledger`,
    );
  }
  const routes = routesOf(target);
  const offered = `${asked.target} has ${routes.map(({ method, path }) => `${method} ${path}`).join(' and ')} alone`;
  const atPath = routes.filter(({ path }) => path === asked.path);
  if (atPath.length === 0) throw new HttpRefusal(404, offered);
  const route = atPath.find(({ method }) => method === asked.method);
  if (route === undefined) throw new HttpRefusal(405, offered);
  const body = fieldsOf(asked);
  if (body === undefined) throw new HttpRefusal(400, 'the body is no JSON object');
  return route.reply({ ...asked, body });
}

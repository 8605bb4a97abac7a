import { createHash } from 'node:crypto';
import type { Registry } from '../chain/registry.ts';
import { ROUTE_NAMES, ROUTES } from '../contract/names.ts';
import { schemas } from './components.ts';
import { fixedOperation, startOperation } from './operations.ts';
import { refusals } from './problems.ts';
import type { JsonSchema } from './schema.ts';

/** An OpenAPI document, version 3.1. https://spec.openapis.org/oas/v3.1.1.html */
export interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  /** Where the paths begin; left out for the root of the host that serves the document. */
  readonly servers?: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  /** By path, then by method. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>;
  readonly components: {
    readonly responses: Readonly<Record<string, JsonSchema>>;
    readonly schemas: Readonly<Record<string, JsonSchema>>;
  };
}

const DESCRIPTION = `Chains of API calls: a request starts a workflow, which goes on by itself, and others show it, stop it, resume it or take it back.

Refusals are RFC 9457 problem documents with a stable \`code\`. A path that no route has is answered 404 \`UNKNOWN_ROUTE\`, another method than those of a path 405 \`METHOD_NOT_ALLOWED\`. How callers sign in is a setting of each stage, and is not described here.

\`info.version\` is made of all the rest: it changes when the API does.`;

const TAGS = [
  { name: 'start', description: 'What starts a workflow: a route for each chain.' },
  { name: 'workflows', description: 'What has become of workflows.' },
  {
    name: 'operators',
    description: 'For those who look after workflows: a stage may ask more of their callers.',
  },
  { name: 'description', description: 'What the API takes and answers.' },
];

/**
 * What the API of these chains takes and answers. The same chains give the same text, in whatever order they are listed.
 * @example JSON.stringify(openApi(registry(chains)))
 */
export function openApi({
  current,
  versions,
  names,
}: Pick<Registry, 'current' | 'versions' | 'names'>): OpenApi {
  const chains = [...names].sort();
  const fixed = ROUTE_NAMES.map((name) => {
    const { path, method } = ROUTES[name];
    return { path, method, operation: fixedOperation(name, chains) };
  });
  const starts = current.map((chain) => ({
    path: chain.start,
    method: 'POST',
    operation: startOperation(chain),
  }));
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const { path, method, operation } of [...starts, ...fixed]) {
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
  }
  const rest = {
    tags: TAGS,
    paths: sorted(paths),
    components: {
      responses: {
        ...named('UnknownRoute', 'UNKNOWN_ROUTE'),
        ...named('MethodNotAllowed', 'METHOD_NOT_ALLOWED'),
      },
      schemas: sorted(schemas(current, versions)),
    },
  };
  const version = createHash('sha256').update(JSON.stringify(rest)).digest('hex').slice(0, VERSION_DIGITS);
  return { openapi: '3.1.1', info: { title: 'Stepline', version, description: DESCRIPTION }, ...rest };
}

const VERSION_DIGITS = 12;

/** A response that belongs to no route, by its name. */
const named = (name: string, code: 'UNKNOWN_ROUTE' | 'METHOD_NOT_ALLOWED'): Record<string, JsonSchema> =>
  Object.fromEntries(Object.values(refusals([code])).map((response) => [name, response]));

const sorted = <Value>(record: Readonly<Record<string, Value>>): Readonly<Record<string, Value>> =>
  Object.fromEntries(Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1)));

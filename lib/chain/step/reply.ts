import type { Options } from '../check.ts';
import { MEANINGS, READS, type Read, type Statuses, type StepDefinition } from '../definition.ts';
import { DefinitionError, show } from '../definition-error.ts';
import { optionIn, ownerIn, type Site } from './site.ts';

/** What a reply is read as. Errors: `DefinitionError`. */
export function readIn(site: Site, read: unknown): Read {
  if (read === undefined) return 'json';
  const known = READS.find((one) => one === read);
  if (known !== undefined) return known;
  throw new DefinitionError(
    site,
    `${optionIn(site, 'read')} is ${show(read)}`,
    "Write read: 'json' or read: 'text'.",
  );
}

/** What a reply is to the schema. Errors: `DefinitionError`. */
export function readOf(site: Site, { read, run, response }: Options): Read {
  const known = readIn(site, read);
  if (read === undefined) return known;
  if (run !== undefined) throw ofRequestsOnly(site, 'read');
  if (response !== undefined) return known;
  throw new DefinitionError(
    site,
    `${ownerIn(site)} has read, but no response, without which nothing of the reply is ${site.within === 'undo' ? 'looked at' : 'stored'}`,
    `Add a schema, such as response: ${known === 'text' ? 'z.string()' : 'z.object({ … })'}.`,
  );
}

const ofRequestsOnly = (site: Site, option: string): DefinitionError =>
  new DefinitionError(
    site,
    `${ownerIn(site)} has both run and ${option}`,
    `Leave ${option} out: it is for the replies of requests, and run reads what it calls itself.`,
  );

/** What is said of replies. Errors: `DefinitionError`. */
export function meaningOf(
  site: Site,
  { reply, statuses, run }: Options,
): Pick<StepDefinition, 'reply' | 'statuses'> {
  for (const [option, value] of Object.entries({ reply, statuses })) {
    if (value !== undefined && run !== undefined) throw ofRequestsOnly(site, option);
  }
  const known = statuses === undefined ? undefined : statusesIn(site, statuses);
  if (reply === undefined) return { statuses: known };
  if (isReplyFunction(reply)) return { reply, statuses: known };
  throw new DefinitionError(
    site,
    `${optionIn(site, 'reply')} is ${show(reply)}, not a function`,
    'Write reply: ({ status, headers, body }, next) => next().',
  );
}

const isReplyFunction = (value: unknown): value is NonNullable<StepDefinition['reply']> =>
  typeof value === 'function';

function statusesIn(site: Site, written: unknown): Statuses {
  const option = optionIn(site, 'statuses');
  const example = "Write such as statuses: { 404: 'done' }; each is 'done', 'later' or 'refused'.";
  if (typeof written !== 'object' || written === null || Array.isArray(written)) {
    throw new DefinitionError(site, `${option} is ${show(written)}`, example);
  }
  return Object.fromEntries(
    Object.entries(written).map(([status, said]) => {
      if (!/^[2-5]\d\d$/.test(status)) {
        throw new DefinitionError(
          site,
          `${option} names ${show(status)}, which is no status of a reply`,
          example,
        );
      }
      const meaning = MEANINGS.find((one) => one === said);
      if (meaning === undefined) {
        throw new DefinitionError(site, `${option} says that ${status} is ${show(said)}`, example);
      }
      return [status, meaning];
    }),
  );
}

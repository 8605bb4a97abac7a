import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ALL_EVENTS } from '../../support/engine-events.ts';
import { synthesized } from '../synth.ts';

const dev = await synthesized('dev');
const queries = Object.values(dev.main.findResources('AWS::Logs::QueryDefinition')).map(({ Properties }) =>
  z
    .object({ Name: z.string(), QueryString: z.string(), LogGroupNames: z.array(z.string()) })
    .parse(Properties),
);
const query = (name: string) => {
  const found = queries.find(({ Name }) => Name === `stepline_dev/${name}`);
  if (found === undefined) throw new Error(`there is no query ${name}`);
  return found;
};
const logGroups = dev.templates.flatMap((template) =>
  Object.values(template.findResources('AWS::Logs::LogGroup')).map(({ Properties }) =>
    z.string().parse(Properties?.LogGroupName),
  ),
);

describe('the saved queries', () => {
  it('tell the story of a workflow over all functions of the stage', () => {
    const functions = logGroups.filter((name) => name.startsWith('/aws/lambda/'));
    expect([...query('workflow-story').LogGroupNames].sort()).toEqual([...functions].sort());
    expect(query('workflow-story').QueryString).toMatch(/sort @timestamp asc/);
  });

  it('count the failures by chain, step and error', () => {
    const { QueryString, LogGroupNames } = query('failures-by-error');
    expect(QueryString).toMatch(/by chain, failedStep, error\.code, action/);
    expect(LogGroupNames.filter((name) => !logGroups.includes(name))).toEqual([]);
    expect(LogGroupNames).toContain('/aws/lambda/stepline_dev_order-processing_payment');
  });

  it('read at most fifty log groups each', () => {
    for (const { LogGroupNames } of queries) expect(LogGroupNames.length).toBeLessThanOrEqual(50);
  });

  it('ask for fields that log lines have', () => {
    const lines = ALL_EVENTS.flatMap((event) => fieldsOf(event));
    const known = new Set([...lines, 'level', 'detail', 'failedStep', 'attempts', 'workflows']);
    const asked = queries.flatMap(({ QueryString }) =>
      [...QueryString.matchAll(/^\| (?:display|fields) (.*)$/gm)].flatMap(([, list = '']) =>
        list.replaceAll(/coalesce\((.*?)\) as \w+/g, '$1').split(', '),
      ),
    );
    expect(asked.filter((field) => !field.startsWith('@') && !known.has(field))).toEqual([]);
  });
});

/** The fields of a log line of this event, nested ones with a dot. */
const fieldsOf = (event: object): readonly string[] =>
  Object.entries(event).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null ? fieldsOf(value).map((inner) => `${name}.${inner}`) : [name],
  );

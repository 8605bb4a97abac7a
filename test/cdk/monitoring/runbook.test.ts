import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ALARM_KINDS } from '../../../lib/cdk/monitoring/alarms/kinds.ts';
import { settingsOf } from '../../../lib/cdk/settings.ts';
import { ENV, RUNBOOK, STEP_ERROR_CODES } from '../../../lib/contract/names.ts';
import { TABLE_SCHEMA } from '../../../lib/contract/table.ts';
import { stages } from '../fixture-stages.ts';
import { synthesized } from '../synth.ts';
import { alarmsOf, kindOf } from './monitored.ts';

const text = readFileSync(join(import.meta.dirname, '../../../docs/runbook.md'), 'utf8');
const [alarms = '', drills = ''] = text.split(/^# Drills$/m);
const [introduction = '', ...parts] = alarms.split(/^## /m);
const sections = new Map(
  parts.map((part) => {
    const end = part.indexOf('\n');
    return [part.slice(0, end), part.slice(end)] as const;
  }),
);
const dev = await synthesized('dev');
const lean = await synthesized('staging');

describe('the runbook', () => {
  it('has a heading for every alarm that is deployed, and an alarm for every heading', () => {
    const deployed = new Set([...alarmsOf(dev), ...alarmsOf(lean)].map(kindOf));
    expect([...sections.keys()].sort()).toEqual([...deployed].sort());
  });

  it('has the headings that mails lead to', () => {
    for (const heading of Object.values(RUNBOOK)) expect([...sections.keys()]).toContain(heading);
  });

  it.each([...sections])('says of %s what it means, how to see more, and what to do', (_name, section) => {
    expect(section).toMatch(/\*\*It means\*\*/);
    expect(section).toMatch(/\*\*Look\.\*\*/);
    expect(section).toMatch(/\*\*Do\.\*\*/);
  });

  it('says what to do about every error that a step can have', () => {
    const section = sections.get(RUNBOOK.failed) ?? '';
    expect(STEP_ERROR_CODES.filter((code) => !section.includes(`\`${code}\``))).toEqual([]);
  });

  it('leads to no heading that it does not have', () => {
    const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
    expect(links.filter((anchor) => !sections.has(anchor ?? ''))).toEqual([]);
  });

  it('names each alarm under its severity', () => {
    for (const [name, { severity }] of Object.entries(ALARM_KINDS)) {
      const line = introduction.split('\n').find((one) => one.startsWith(`| **${severity}**`));
      expect(line, name).toContain(`[${name}](#${name})`);
    }
  });

  it('is where the stage says, which the step-failed function writes into its mails', () => {
    dev.main.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'stepline_dev_step-failed',
      Environment: { Variables: { [ENV.runbookUrl]: stages.dev.runbookUrl } },
    });
  });

  it('has the drill of a restored table, with settings that a stage takes', () => {
    expect(drills).toContain('## Restore the table');
    const existing = {
      table: 'stepline_dev_restored',
      keyArn: 'arn:aws:kms:eu-central-1:123456789012:key/1',
    };
    expect(drills).toContain(`existing: { table: '${existing.table}', keyArn: 'arn:aws:kms:…' }`);
    expect(drills).toContain('paused: true');
    const settings = settingsOf({ ...stages, dev: { ...stages.dev, existing, paused: true } }, 'dev');
    expect(settings).toMatchObject({ existing: { ...existing, accessLogs: false }, paused: true });
    expect(drills).toContain(`AttributeName=${TABLE_SCHEMA.timeToLive}`);
  });

  it.each([
    ['docs/runbook.md', 'expected the http or https address of docs/runbook.md'],
    ['file:///docs/runbook.md', 'expected the http or https address of docs/runbook.md'],
    ['https://wiki.example.com/runbook#top', 'expected an address without a #heading'],
  ])('is not at %s', (runbookUrl, problem) => {
    const wrong = () => settingsOf({ ...stages, dev: { ...stages.dev, runbookUrl } }, 'dev');
    expect(wrong).toThrow(`runbookUrl: ${problem}`);
  });

  it('names only resources that the stage dev has', () => {
    const templates = JSON.stringify(dev.templates.map((template) => template.toJSON()));
    const named = new Set(
      [...text.replaceAll('stepline_dev_restored', '').matchAll(/stepline_dev_[a-z_-]*[a-z]/g)].map(
        ([name]) => name,
      ),
    );
    expect([...named].filter((name) => !templates.includes(`"${name}"`))).toEqual([]);
  });
});

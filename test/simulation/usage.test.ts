import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planProblems } from '../../lib/testing/faults/planned.ts';
import { play } from './faults/exhaustive.ts';
import { readCommand, USAGE, UsageError } from './usage.ts';

describe('the command line of the simulator', () => {
  it('runs 2,000 schedules where nothing is asked', () => {
    expect(readCommand([])).toEqual({ kind: 'runs', from: 1, runs: 2_000, adapters: false });
    expect(readCommand(['--adapters'])).toEqual({ kind: 'runs', from: 1, runs: 200, adapters: true });
  });

  it('takes a seed with the mutant that it is to be run against', () => {
    expect(readCommand(['--mutant', 'a lease is ignored', '--seed', '3'])).toMatchObject({
      kind: 'mutant',
      mutant: { name: 'a lease is ignored' },
      seed: 3,
    });
  });

  it('takes a chain alone for a plan without faults', () => {
    expect(readCommand(['--plan', 'line'])).toEqual({ kind: 'plan', graph: 'line', plan: [] });
  });

  it.each([
    [['--plan', 'line: foo'], '"foo" is not the number of a moment and its fault'],
    [['--plan', 'line: '], '"" is not the number of a moment and its fault'],
    [['--plan', 'line:'], '"" is not the number of a moment and its fault'],
    [['--plan', 'line: 7 refuses,'], '"" is not the number of a moment and its fault'],
    [['--plan', 'line: 7 refuses, 7 says nothing'], 'moment 7 is given twice'],
    [
      ['--plan', 'ring: 7 refuses'],
      '--plan names no chain: it must begin with line, diamond, line-undo, diamond-undo',
    ],
    [['--plan', ''], '--plan names no chain: it must begin with line, diamond, line-undo, diamond-undo'],
    [['--plan'], "'--plan <value>' argument missing"],
    [['--seed', '1234567890123456'], 'it must be a whole number from 0 to 999999999999999'],
    [['--seed', '1.5'], 'it must be a whole number from 0'],
    [['--runs', '0'], 'it must be a whole number from 1'],
    [['--from', '3'], '--from can only be used with --runs'],
    [['--seed', '3', '--from', '3'], '--from can only be used with --runs'],
    [['--seed', '3', '--runs', '4'], '--seed and --runs cannot be combined: give one of them'],
    [['--mutants', '--plan', 'line'], '--plan and --mutants cannot be combined: give one of them'],
    [['--adapters', '--plan', 'line'], '--adapters cannot be combined with --plan'],
    [['--mutant', 'a lease is ignored'], '--mutant needs a --seed'],
    [['--mutant', 'no such', '--seed', '1'], 'there is no wrong protocol "no such"; these are:'],
    [['--sed', '3'], "Unknown option '--sed'"],
    [['15'], "Unexpected argument '15'"],
  ])('refuses %j', (words, message) => {
    expect(() => readCommand(words)).toThrow(UsageError);
    expect(() => readCommand(words)).toThrow(message);
  });
});

/** Every command of a text: what stands behind `npm run sim --`, up to a remark or to the words beside it. */
const examples = (text: string): readonly string[] =>
  [...text.matchAll(/npm run sim -- ((?:--?[a-z]+(?: ?"[^"]*"| [\w.]+)? ?)+)/g)].map(([, words = '']) =>
    words.trim(),
  );

const wordsOf = (command: string): readonly string[] =>
  [...command.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);

const documented = (file: string): readonly string[] =>
  examples(readFileSync(join(import.meta.dirname, '../..', file), 'utf8'));

describe.each([
  ['the usage', examples(USAGE)],
  ['docs/reliability.md', documented('docs/reliability.md')],
  ['README.md', documented('README.md')],
])('the examples in %s', (_where, commands) => {
  it('are some', () => {
    expect(commands.length).toBeGreaterThan(0);
  });

  it.each(commands.map((command) => ({ command })))('$command', async ({ command }) => {
    const asked = readCommand(wordsOf(command));
    if (asked.kind !== 'plan') return;
    const { points, violations } = await play(asked.graph, asked.plan);
    expect(planProblems(asked.plan, points)).toEqual([]);
    expect(violations).toEqual([]);
  });
});

it('plans are among the examples of the usage and of the docs', () => {
  for (const commands of [examples(USAGE), documented('docs/reliability.md')]) {
    expect(commands.filter((command) => command.startsWith('--plan "')).length).toBeGreaterThan(0);
  }
});

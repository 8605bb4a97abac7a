import { describe, expect, it } from 'vitest';
import { HELP, readSoakOptions, SoakOptionError } from './options.ts';

const DEFAULTS = { minutes: 5, seed: 11, rate: 20 } as const;

describe('the options of a soak', () => {
  it.each<[string, readonly string[], object]>([
    ['none at all', [], {}],
    ['--minutes', ['--minutes', '10'], { minutes: 10 }],
    ['a fraction of a minute', ['--minutes=0.5'], { minutes: 0.5 }],
    ['--seed', ['--seed', '7'], { seed: 7 }],
    ['the first seed there is', ['--seed', '0'], { seed: 0 }],
    ['--rate', ['--rate', '2.5'], { rate: 2.5 }],
  ])('are read: %s', (_, args, expected) => {
    expect(readSoakOptions(args, 11)).toEqual({ ...DEFAULTS, ...expected });
  });

  it('end with --help, whatever else is asked for, and are all in it', () => {
    expect(readSoakOptions(['--minutes', 'x', '--help'], 11)).toBe('help');
    for (const option of ['minutes', 'seed', 'rate', 'help']) expect(HELP).toContain(`  --${option} `);
  });

  it.each<[string, readonly string[], string]>([
    ['minutes that are no number', ['--minutes', 'ten'], '--minutes is "ten"; it must be a number from 0.1'],
    ['no time at all', ['--minutes', '0'], '--minutes is "0"; it must be a number from 0.1 to 10080'],
    [
      'more than a week',
      ['--minutes', '10081'],
      '--minutes is "10081"; it must be a number from 0.1 to 10080',
    ],
    ['a seed with a fraction', ['--seed', '1.5'], '--seed is "1.5"; it must be a whole number from 0'],
    ['a seed that is too large', ['--seed', '4294967296'], 'must be a whole number from 0 to 4294967295'],
    ['no load', ['--rate', '0'], '--rate is "0"; it must be a number from 0.1 to 1000'],
    ['a negative rate', ['--rate=-1'], '--rate is "-1"; it must be a number'],
    ['a value that is missing', ['--seed'], "'--seed <value>' argument missing"],
    ['an option that there is not', ['--hours', '1'], "Unknown option '--hours'"],
  ])('that cannot be used are named, with what to write instead: %s', (_, args, message) => {
    expect(() => readSoakOptions(args, 11)).toThrow(SoakOptionError);
    expect(() => readSoakOptions(args, 11)).toThrow(message);
  });
});

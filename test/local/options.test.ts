import { describe, expect, it } from 'vitest';
import { LOG_LEVELS } from '../../lib/contract/names.ts';
import { HELP, OptionError, readOptions } from '../../lib/local/options.ts';

const DEFAULTS = {
  port: 3_000,
  data: '.stepline',
  acceptLoss: false,
  sample: true,
  dev: false,
  targets: undefined,
  demo: [],
  allowedOrigins: [],
  logLevel: 'info',
  backoffScale: 1,
} as const;

describe('the options', () => {
  it('have defaults: everything works without any', () => {
    expect(readOptions([])).toEqual(DEFAULTS);
  });

  it.each<[string, readonly string[], object]>([
    ['--port', ['--port', '4000'], { port: 4_000 }],
    ['--port with an equals sign', ['--port=4000'], { port: 4_000 }],
    ['--port 0, for any free one', ['--port', '0'], { port: 0 }],
    ['the last --port there is', ['--port', '65535'], { port: 65_535 }],
    ['--data', ['--data', 'some/where'], { data: 'some/where' }],
    ['--memory', ['--memory'], { data: undefined }],
    ['--accept-loss', ['--accept-loss'], { acceptLoss: true }],
    ['--no-sample', ['--no-sample'], { sample: false }],
    ['--dev', ['--dev'], { dev: true }],
    ['--backoff-scale', ['--backoff-scale', '0.01'], { backoffScale: 0.01 }],
    ['--targets', ['--targets', 'targets.json'], { targets: 'targets.json' }],
    [
      '--demo, with spaces and twice the same',
      ['--targets', 'targets.json', '--demo', 'mail, sms,mail'],
      { targets: 'targets.json', demo: ['mail', 'sms'] },
    ],
    [
      '--allow-origin, with commas, once for each, and twice the same',
      [
        '--allow-origin',
        'http://localhost:5173, https://app.test',
        '--allow-origin=http://[::1]:8080',
        '--allow-origin=https://app.test',
      ],
      { allowedOrigins: ['http://localhost:5173', 'https://app.test', 'http://[::1]:8080'] },
    ],
    ...LOG_LEVELS.map((level): [string, string[], object] => [
      `--log-level ${level}`,
      ['--log-level', level],
      { logLevel: level },
    ]),
    [
      'several at once',
      ['--memory', '--port', '1', '--no-sample'],
      { data: undefined, port: 1, sample: false },
    ],
  ])('are read: %s', (_, args, expected) => {
    expect(readOptions(args)).toEqual({ ...DEFAULTS, ...expected });
  });

  it('end with --help, whatever else is asked for', () => {
    expect(readOptions(['--help'])).toBe('help');
    expect(readOptions(['--port', 'x', '--help', '--memory', '--data', 'x'])).toBe('help');
  });

  it('are all in the help', () => {
    const all = [
      'port',
      'data',
      'memory',
      'accept-loss',
      'no-sample',
      'targets',
      'demo',
      'allow-origin',
      'log-level',
      'backoff-scale',
      'help',
    ];
    for (const option of all) {
      expect(HELP).toContain(`  --${option} `);
    }
    for (const level of LOG_LEVELS) expect(HELP).toContain(level);
  });
});

describe('an option that cannot be used names itself and what to write instead', () => {
  it.each<[string, readonly string[], string]>([
    ['a port that is no number', ['--port', 'http'], '--port is "http"; it must be a number from 0 to 65535'],
    ['a port that is empty', ['--port', ''], '--port is ""; it must be a number from 0 to 65535'],
    ['a port with a fraction', ['--port', '1.5'], '--port is "1.5"; it must be a number from 0 to 65535'],
    ['a port below 0', ['--port=-1'], '--port is "-1"; it must be a number from 0 to 65535'],
    [
      'a port that is too high',
      ['--port', '65536'],
      '--port is "65536"; it must be a number from 0 to 65535',
    ],
    ['a port that is missing', ['--port'], "'--port <value>' argument missing"],
    ['a directory without a name', ['--data', ''], '--data is ""; it must name a directory'],
    ['a directory and memory', ['--data', 'x', '--memory'], '--memory and --data exclude each other'],
    ['loss and memory', ['--memory', '--accept-loss'], '--memory and --accept-loss exclude each other'],
    [
      'an unknown level',
      ['--log-level', 'loud'],
      '--log-level is "loud"; it must be one of debug, info, warn, error, silent',
    ],
    ...['0', '1.1', '-1', 'half', ''].map((scale): [string, string[], string] => [
      `waits that are multiplied with "${scale}"`,
      [`--backoff-scale=${scale}`],
      `--backoff-scale is "${scale}"; it must be a number above 0 and at most 1`,
    ]),
    ['demo targets without a file', ['--demo', 'mail'], '--demo goes with --targets'],
    [
      'demo targets without a name',
      ['--targets', 'x', '--demo', 'mail,'],
      '--demo is "mail,"; it must be names',
    ],
    ...['', '*', 'null', 'localhost:5173', 'ftp://app.test', 'http://'].map(
      (origin): [string, string[], string] => [
        `"${origin}", which is no origin of a page`,
        [`--allow-origin=${origin}`],
        `--allow-origin is "${origin}"; it must be the origin of your page, such as http://localhost:5173`,
      ],
    ),
    ...[
      ['http://localhost:5173/', 'http://localhost:5173'],
      ['http://LOCALHOST:5173', 'http://localhost:5173'],
      ['https://app.test:443/path?x', 'https://app.test'],
    ].map(([written, meant]): [string, string[], string] => [
      `${written}, which no browser writes so`,
      ['--allow-origin', String(written)],
      `--allow-origin is "${written}"; write ${meant}`,
    ]),
    ['a value for a switch', ['--memory=yes'], "'--memory' does not take an argument"],
  ])('%s', (_, args, message) => {
    expect(() => readOptions(args)).toThrow(OptionError);
    expect(() => readOptions(args)).toThrow(message);
  });

  it.each([['--prot'], ['-p'], ['serve']])('%s is unknown: see --help', (argument) => {
    expect(() => readOptions([argument])).toThrow(OptionError);
    expect(() => readOptions([argument])).toThrow(argument);
    expect(() => readOptions([argument])).toThrow('See --help');
  });
});

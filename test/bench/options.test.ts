import { describe, expect, it } from 'vitest';
import { BENCH_HELP, BenchOptionError, COST_HELP, readBenchOptions, readCostOptions } from './options.ts';

describe('npm run bench', () => {
  it('prints tables without goals unless it is asked for more', () => {
    expect(readBenchOptions([])).toEqual({ json: false, goals: false });
    expect(readBenchOptions(['--json', '--goals'])).toEqual({ json: true, goals: true });
  });

  it('explains every option with --help', () => {
    expect(readBenchOptions(['--json', '--help'])).toBe('help');
    for (const option of ['json', 'goals', 'help']) expect(BENCH_HELP).toContain(`  --${option} `);
  });

  it('refuses an option that it does not have', () => {
    expect(() => readBenchOptions(['--jsn'])).toThrow(BenchOptionError);
    expect(() => readBenchOptions(['--jsn'])).toThrow("Unknown option '--jsn'. See --help");
    expect(() => readBenchOptions(['--templates', 'cdk.out'])).toThrow("Unknown option '--templates'");
    expect(() => readBenchOptions(['json'])).toThrow("Unexpected argument 'json'");
  });
});

describe('npm run cost', () => {
  it('counts the stage dev unless it is given templates', () => {
    expect(readCostOptions([])).toEqual({ json: false, goals: false, templates: undefined });
    expect(readCostOptions(['--templates', 'cdk.out'])).toMatchObject({ templates: 'cdk.out' });
  });

  it('explains every option with --help', () => {
    expect(readCostOptions(['--help'])).toBe('help');
    for (const option of ['json', 'goals', 'help', 'templates'])
      expect(COST_HELP).toContain(`  --${option} `);
  });

  it('refuses an option that it does not have, and one without its value', () => {
    expect(() => readCostOptions(['--goal'])).toThrow("Unknown option '--goal'");
    expect(() => readCostOptions(['--templates'])).toThrow("'--templates <value>' argument missing");
  });
});

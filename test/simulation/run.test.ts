import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { hunt } from './mutants/hunt.ts';
import { MUTANTS } from './mutants/mutants.ts';
import { USAGE } from './usage.ts';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command. @param reader a command of a shell that reads its output, in place of this test */
function sim(words: readonly string[], reader = 'cat'): Promise<Ended> {
  const run = join(import.meta.dirname, 'run.ts');
  const args = ['-c', `"$@" | ${reader}; exit $\{PIPESTATUS[0]}`, 'sim', process.execPath];
  return new Promise((resolve) => {
    const child = execFile('bash', [...args, '--import', 'tsx', run, ...words], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';

describe.concurrent('npm run sim', () => {
  it('prints its usage when asked for help', async ({ expect }) => {
    expect(await sim(['--help'])).toEqual({ code: 0, stdout: USAGE, stderr: '' });
  });

  it('exits with 2 for a command that is wrong, and shows no stack trace', async ({ expect }) => {
    const { code, stdout, stderr } = await sim(['--plan', 'line: foo']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('"foo" is not the number of a moment and its fault');
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('names the moments of a plan of which one never came, once', async ({ expect }) => {
    const { code, stdout, stderr } = await sim(['--plan', 'line: 1000 is lost']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.match(/moment 1000 never came/g)).toHaveLength(1);
    expect(stderr).toContain('#0 create, #1 send, #2 a message');
  });

  it('names the faults of a moment that has not the one of the plan', async ({ expect }) => {
    const { code, stderr } = await sim(['--plan', 'line: 3 loses its reply']);
    expect(code).toBe(2);
    expect(stderr.match(/there are: reaches no function/g)).toHaveLength(1);
  });

  it('numbers the moments of a plan, and names the faults of each kind', async ({ expect }) => {
    const { code, stdout } = await sim(['--plan', 'line']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ +0\.045 s {2}#7 target a$/m);
    expect(stdout).toMatch(/^ {2}a receive: reaches no function, reaches an outdated function$/m);
  });

  it('tells which chain a seed draws before anything else', async ({ expect }) => {
    expect(firstLine((await sim(['--seed', '15'])).stdout)).toMatch(/^seed 15: /);
  });

  it('fills its bar and counts what it ran', async ({ expect }) => {
    const { code, stdout, stderr } = await sim(['--runs', '60', '--from', '7']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/\[#{30}\] 60 of 60/);
    expect(stdout).toMatch(/^seeds 7 to 66 at /);
    expect(stdout).toMatch(/^violations +0$/m);
  });

  it('traces a wrong protocol, says what it breaks, and exits with 1 though its reader goes', async ({
    expect,
  }) => {
    const mutant = MUTANTS.find(({ name }) => name === 'a completion without token');
    const harm = mutant && (await hunt(mutant)).harm;
    const words = ['--mutant', `${mutant?.name}`, '--seed', `${harm?.seed}`];
    const whole = await sim(words);
    expect(whole.code).toBe(1);
    expect(whole.stdout).toMatch(/after [\d.]+ s, a promise is broken: /);
    expect(await sim(words, 'head -1')).toMatchObject({ code: 1, stderr: '' });
  });
});

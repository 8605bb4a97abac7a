import { describe, expect, it } from 'vitest';
import { probeChains, twenty } from '../../lib/probe/chains.ts';
import { trackChanges } from '../../lib/probe/changes.ts';
import { checks } from '../../lib/probe/checks/index.ts';
import { onEmulator } from '../../lib/probe/emulator.ts';
import { eventsOf } from '../../lib/probe/logs.ts';
import { readOptions } from '../../lib/probe/options.ts';
import { lookUntil, notShown } from '../../lib/probe/probe.ts';
import { exitCodeOf, failed, findingOf, lineOf, Overdue, passed, unknown } from '../../lib/probe/report.ts';

describe('the report', () => {
  it('has one line a check, with what to do unless it passed', () => {
    expect(lineOf('retry', passed('3 retries'))).toBe('passed                retry        3 retries');
    expect(lineOf('lost', failed('nothing came', 'Look.'))).toBe(
      'failed                lost         nothing came. To do: Look.',
    );
  });

  it('calls overdue what fails, and everything else that goes wrong unknown', () => {
    expect(findingOf(new Overdue('not within 3 s: it ends'))).toMatchObject({ verdict: 'failed' });
    const denied = Object.assign(new Error('not allowed'), { name: 'AccessDeniedException' });
    expect(findingOf(denied)).toMatchObject({
      verdict: 'could not be checked',
      seen: 'AccessDeniedException: not allowed',
    });
    expect(findingOf(new DOMException('aborted', 'AbortError'))).toMatchObject({
      verdict: 'could not be checked',
      seen: 'interrupted',
    });
  });

  it('ends with 0 only where everything was seen to pass', () => {
    const [good, bad, open] = [passed(''), failed('', ''), unknown('', '')];
    expect(exitCodeOf([good, good])).toBe(0);
    expect(exitCodeOf([good, open])).toBe(3);
    expect(exitCodeOf([open, bad])).toBe(1);
    expect(exitCodeOf([])).toBe(3);
  });
});

describe('what is changed for a check', () => {
  const change = (story: string[], fails: 'apply' | 'back' | undefined = undefined) => ({
    command: 'aws undo',
    apply: async () => {
      story.push('applied');
      if (fails === 'apply') throw new Error('no answer');
    },
    back: async () => {
      if (fails === 'back') throw new Error('no answer');
      story.push('taken back');
    },
  });

  it('is said first, and taken back when the check ends', async () => {
    const story: string[] = [];
    const changes = trackChanges((line) => story.push(line.trim()));
    const result = await changes.while(change(story), async () => {
      story.push(`during: ${changes.pending()}`);
      return 7;
    });
    expect(result).toBe(7);
    expect(story).toEqual([
      'changed for now; to take it back by hand: aws undo',
      'applied',
      'during: aws undo',
      'taken back',
    ]);
    expect(changes.pending()).toEqual([]);
  });

  it('is taken back when the check throws', async () => {
    const story: string[] = [];
    const changes = trackChanges(() => undefined);
    await expect(changes.while(change(story), () => Promise.reject(new Error('oh')))).rejects.toThrow('oh');
    expect(story).toEqual(['applied', 'taken back']);
    expect(changes.pending()).toEqual([]);
  });

  it('is taken back though nobody knows whether it took effect', async () => {
    const story: string[] = [];
    const changes = trackChanges(() => undefined);
    await expect(changes.while(change(story, 'apply'), async () => story.push('during'))).rejects.toThrow();
    expect(story).toEqual(['applied', 'taken back']);
  });

  it('stays on the list while it could not be taken back', async () => {
    const changes = trackChanges(() => undefined);
    await expect(changes.while(change([], 'back'), async () => undefined)).rejects.toThrow('no answer');
    expect(changes.pending()).toEqual(['aws undo']);
  });
});

describe('waiting', () => {
  it('ends with what was seen', async () => {
    let looks = 0;
    const { signal } = new AbortController();
    expect(
      await lookUntil({ signal }, 1_000, 'three', async () => (++looks === 3 ? 'seen' : undefined), 0),
    ).toBe('seen');
  });
  it('ends overdue, with what does not come about', async () => {
    const { signal } = new AbortController();
    const never = lookUntil({ signal }, -1, 'the mapping is disabled', async () => undefined, 0);
    await expect(never).rejects.toThrow('the mapping is disabled');
    await expect(never).rejects.toBeInstanceOf(Overdue);
  });
  it('for what is not ours is no failure of ours', async () => {
    const { signal } = new AbortController();
    const never = lookUntil({ signal }, -1, 'the log tells', async () => undefined, 0, notShown);
    const finding = await never.catch(findingOf);
    expect(finding).toMatchObject({ verdict: 'could not be checked' });
  });
  it('ends at once when the user interrupts', async () => {
    const controller = new AbortController();
    const never = lookUntil(controller, 60_000, 'any', async () => controller.abort(), 60_000);
    await expect(never).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('the lines of a log group', () => {
  const lineIn = (stream: string, text: string) => ({ stream, at: 0, text });
  it('belong to the invocation that began last in their stream', () => {
    const events = eventsOf([
      lineIn('one', 'START RequestId: a Version: $LATEST'),
      lineIn('two', 'START RequestId: b Version: $LATEST'),
      lineIn('one', '{"event":"attempt_started","workflowId":"wf_1"}'),
      lineIn('two', '{"event":"attempt_started","workflowId":"wf_2"}'),
      lineIn('one', 'END RequestId: a'),
      lineIn('one', 'START RequestId: c Version: $LATEST'),
      lineIn('one', '{"event":"dead_letter","workflowId":"wf_3","did":"queueAgain"}'),
      lineIn('three', '{"event":"repaired"}'),
      lineIn('three', '{"_aws":{},"Attempts":1}'),
    ]);
    expect(
      events.map(({ event, requestId, workflowId, did }) => [event, requestId, workflowId, did]),
    ).toEqual([
      ['attempt_started', 'a', 'wf_1', undefined],
      ['attempt_started', 'b', 'wf_2', undefined],
      ['dead_letter', 'c', 'wf_3', 'queueAgain'],
      ['repaired', undefined, undefined, undefined],
    ]);
  });
});

describe('the command line', () => {
  it('names a stage', () => {
    expect(readOptions(['--stage', 'dev'], checks)).toEqual({
      stage: 'dev',
      keep: false,
      remove: false,
      only: [],
    });
    expect(readOptions(['--stage=prod', '--keep', '--only', 'retry, lost'], checks)).toMatchObject({
      keep: true,
      only: ['retry', 'lost'],
    });
  });
  it.each<readonly [string, readonly string[], string]>([
    ['without a stage', [], 'No stage is given. Write: npm run probe -- --stage dev'],
    [
      'with a check that there is not',
      ['--stage=dev', '--only=rety'],
      'There is no check "rety". Did you mean "retry"?',
    ],
    ['with an option that there is not', ['--stage=dev', '--kepe'], "Unknown option '--kepe'"],
    [
      'that removes and checks',
      ['--stage=dev', '--remove', '--only=retry'],
      '--remove cannot be combined with --keep or --only',
    ],
  ])('%s is refused', (_, words, message) => {
    expect(() => readOptions(words, checks)).toThrow(message);
  });
});

describe('the chains of the probe', () => {
  it('call nobody', () => {
    const called = probeChains.flatMap(({ steps }) => steps.flatMap(({ targets = ['unknown'] }) => targets));
    expect(called).toEqual([]);
  });
  it('have one with more functions in a row than Lambda lets one be invoked', () => {
    expect(twenty.steps).toHaveLength(20);
    expect(twenty.steps.slice(1).map(({ after }) => after)).toEqual(
      twenty.steps.slice(0, -1).map(({ name }) => [name]),
    );
  });
});

describe('an emulator', () => {
  it.each<readonly [string | undefined, boolean]>([
    ['http://127.0.0.1:4566', true],
    ['https://localhost:4566', true],
    ['https://vpce-1.sqs.eu-central-1.vpce.amazonaws.com', false],
    ['nothing', false],
    [undefined, false],
  ])('at %s: %s', (url, is) => {
    expect(onEmulator(url === undefined ? {} : { AWS_ENDPOINT_URL: url })).toBe(is);
  });
});

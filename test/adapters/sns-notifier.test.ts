import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { createSnsNotifier } from '../../lib/adapters/sns-notifier.ts';
import { nextOf } from '../../lib/contract/advice.ts';
import { sentenceOf } from '../../lib/contract/told.ts';
import type { WorkflowError } from '../../lib/contract/wire.ts';
import type { FailureExample, Notification } from '../../lib/engine/ports.ts';

const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:stepline-test-on-call';
const WORKFLOW = `wf_${'0a'.repeat(16)}`;

const sns = mockClient(SNSClient);
beforeEach(() => {
  sns.reset();
  sns.on(PublishCommand).resolves({ MessageId: 'any' });
});

const notifier = (stage = 'test') =>
  createSnsNotifier({
    client: new SNSClient({ region: 'eu-central-1' }),
    topicArn: TOPIC,
    stage,
    runbookUrl: 'https://wiki.example.com/runbook.md',
  });

const error: WorkflowError = {
  step: 'payment',
  code: 'REFUSED',
  message: 'payments refused the request: 402 Payment Required',
  target: 'payments',
  httpStatus: 402,
  effect: 'none',
  attempts: 2,
};
const example = (of: WorkflowError = error, workflowId = WORKFLOW) => ({
  ...{ tenant: 'acme', workflowId, epoch: 0 },
  error: of,
});
const notification = (changes: Partial<Notification> = {}): Notification => ({
  id: `${WORKFLOW}:0:failed`,
  kind: 'failed',
  chain: 'order-processing',
  step: 'payment',
  code: 'REFUSED',
  count: 1,
  firstAt: 0,
  lastAt: 61_000,
  examples: [example()],
  ...changes,
});

const published = () => sns.commandCalls(PublishCommand).map(({ args }) => args[0].input);

/** What is published for one notification. */
const told = async (changes: Partial<Notification> = {}, stage?: string) => {
  sns.resetHistory();
  await notifier(stage).notify(notification(changes));
  const [first, ...others] = published();
  expect(others).toEqual([]);
  return { subject: first?.Subject ?? '', lines: (first?.Message ?? '').split('\n'), input: first };
};

describe('a notification', () => {
  it('goes to the topic once, with chain and status to filter by', async () => {
    const { input } = await told();
    expect(input?.TopicArn).toBe(TOPIC);
    expect(input?.MessageAttributes).toEqual({
      chain: { DataType: 'String', StringValue: 'order-processing' },
      status: { DataType: 'String', StringValue: 'failed' },
    });
  });

  it('says in its subject where, what and at which step', async () => {
    expect((await told()).subject).toBe('Stepline test: order-processing failed at step payment');
    expect((await told({ count: 512 })).subject).toBe(
      'Stepline test: 512 of order-processing failed at step payment',
    );
  });

  it('can be read by a person: one line for each thing known', async () => {
    expect((await told()).lines).toEqual([
      `Workflow:      ${WORKFLOW}`,
      'Chain:         order-processing',
      'Stage:         test',
      'Tenant:        acme',
      'Status:        failed',
      'Step:          payment',
      'Target:        payments',
      'Error:         REFUSED',
      'HTTP status:   402',
      'Message:       payments refused the request: 402 Payment Required',
      `Timeline:      GET /api/workflows/${WORKFLOW}/timeline`,
      `Next:          ${nextOf(error, 'failed')}`,
      'Effect:        none, the target has not acted',
      'Attempts:      2',
      'Runbook:       https://wiki.example.com/runbook.md#workflow-failed',
      `Notification:  ${WORKFLOW}:0:failed`,
    ]);
  });

  it('leaves out the lines of what is not known', async () => {
    const { target: _, httpStatus: __, ...bare } = error;
    const { lines } = await told({
      examples: [example({ ...bare, message: '', effect: 'unknown', attempts: 0 })],
    });
    expect(lines.map((line) => line.slice(0, line.indexOf(':')))).toEqual([
      'Workflow',
      'Chain',
      'Stage',
      'Tenant',
      'Status',
      'Step',
      'Error',
      'Timeline',
      'Next',
      'Effect',
      'Attempts',
      'Runbook',
      'Notification',
    ]);
    expect(lines).toContain('Effect:        unknown, the target may have acted');
    expect(lines).toContain('Attempts:      0');
  });

  it('of several counts them, says since when, and names some of them', async () => {
    const other = `wf_${'0b'.repeat(16)}`;
    const { lines } = await told({ count: 512, examples: [example(), example(error, other)] });
    expect(lines).toEqual([
      'Failed:        512 workflows',
      'Chain:         order-processing',
      'Stage:         test',
      'Step:          payment',
      'Error:         REFUSED',
      'First:         1970-01-01T00:00:00.000Z',
      'Last:          1970-01-01T00:01:01.000Z',
      'All of them:   GET /api/workflows?chain=order-processing&status=failed',
      'Runbook:       https://wiki.example.com/runbook.md#workflow-failed',
      `Notification:  ${WORKFLOW}:0:failed`,
      ...[WORKFLOW, other].flatMap((workflowId) => [
        '',
        `For example:   ${workflowId}`,
        'Tenant:        acme',
        'Target:        payments',
        'HTTP status:   402',
        'Message:       payments refused the request: 402 Payment Required',
        `Timeline:      GET /api/workflows/${workflowId}/timeline`,
        `Next:          ${nextOf(error, 'failed')}`,
        'Effect:        none, the target has not acted',
        'Attempts:      2',
      ]),
    ]);
  });

  it('keeps a reply that looks like lines of ours on its own line', async () => {
    const message = 'declined\nStatus:        completed\r\nEffect: none\u2028Step: mail\u2029x\u0085y\u000bz';
    const { lines } = await told({ examples: [example({ ...error, message })] });
    expect(lines).toHaveLength(16);
    expect(lines.filter((line) => line.startsWith('Status:'))).toEqual(['Status:        failed']);
    expect(lines[9]).toBe('Message:       declined Status:        completed Effect: none Step: mail x y z');
  });

  it('keeps its id at a repeat, and is the same in every word', async () => {
    const first = await told();
    const second = await told();
    expect(second.input).toEqual(first.input);
    expect(first.lines.at(-1)).toContain(`${WORKFLOW}:0:failed`);
    const other = await told({ id: `${WORKFLOW}:1:failed` });
    expect(other.lines.at(-1)).toContain(`${WORKFLOW}:1:failed`);
  });
});

describe('of a workflow that is taken back by itself', () => {
  const takenBack = { ...example(), takenBack: true } as const;

  it('says so, and asks nobody to resume it', async () => {
    const { lines, input } = await told({ examples: [takenBack] });
    expect(lines).toContain('Status:        failed, and is taken back');
    expect(lines).toContain(`Next:          ${nextOf(error, 'takenBack')}`);
    expect(lines.join('\n')).not.toContain('resume');
    expect(input?.MessageAttributes?.status).toEqual({ DataType: 'String', StringValue: 'failed' });
  });

  it('leads to no list of failed ones, in which it is not', async () => {
    const { lines } = await told({ count: 512, examples: [takenBack, takenBack] });
    expect(lines.filter((line) => line.startsWith('All of them'))).toEqual([]);
  });
});

describe('of a workflow that could not be taken back', () => {
  const refusal: WorkflowError = {
    step: 'shipment',
    code: 'REFUSED',
    message: 'shipping refused the request: 409 Conflict',
    target: 'shipping',
    httpStatus: 409,
    effect: 'none',
    attempts: 6,
  };
  const UNDOS = [
    { step: 'confirmation', status: 'completed', attempts: 1 },
    { step: 'shipment', status: 'failed', attempts: 6, inDoubt: true },
    { step: 'payment', status: 'pending', attempts: 0 },
  ] as const;
  const half = (undos: FailureExample['undos'] = UNDOS, of: WorkflowError = refusal) =>
    told({
      id: `${WORKFLOW}:0:compensation_failed`,
      kind: 'compensation_failed',
      step: of.step,
      code: of.code,
      examples: [{ ...example(of), ...(undos === undefined ? {} : { undos }) }],
    });

  it('says what was undone, what was not, after how many attempts and why, what is left, and what to do', async () => {
    const { subject, lines } = await half();
    expect(subject).toBe('Stepline test: order-processing could not be taken back, at step shipment');
    expect(lines).toEqual([
      `Workflow:      ${WORKFLOW}`,
      'Chain:         order-processing',
      'Stage:         test',
      'Tenant:        acme',
      'Status:        compensation_failed',
      'Undone:        confirmation',
      'Not undone:    shipment, after 6 attempts: shipping refused the request: 409 Conflict',
      'Then to undo:  payment',
      'In doubt:      shipment',
      'Step:          shipment',
      'Target:        shipping',
      'Error:         REFUSED',
      'HTTP status:   409',
      'Message:       shipping refused the request: 409 Conflict',
      `Timeline:      GET /api/workflows/${WORKFLOW}/timeline`,
      `What is left:  GET /api/workflows/${WORKFLOW}/undo`,
      `Next:          ${nextOf(refusal, 'undo')}`,
      'Effect:        none, the target has not acted',
      'Attempts:      6',
      'Runbook:       https://wiki.example.com/runbook.md#compensation-failed',
      `Notification:  ${WORKFLOW}:0:compensation_failed`,
    ]);
  });

  it('says of a step whose undo waits until somebody knows whether it acted how often its target was asked', async () => {
    const unknown = { ...refusal, code: 'LOOKUP_UNKNOWN', effect: 'unknown', attempts: 2 } as const;
    const message = sentenceOf({ code: 'LOOKUP_UNKNOWN' });
    const { lines } = await half([{ step: 'shipment', status: 'pending', attempts: 0, inDoubt: true }], {
      ...unknown,
      message,
    });
    expect(lines).toEqual(
      expect.arrayContaining([
        'Undone:        nothing',
        `Not undone:    shipment, asked 2 times: ${message}`,
        'In doubt:      shipment',
        `Next:          ${nextOf(unknown, 'undo')}`,
        'Effect:        unknown, the target may have acted',
      ]),
    );
  });

  it('can be filtered by its status', async () => {
    const { input } = await half();
    expect(input?.MessageAttributes?.status).toEqual({
      DataType: 'String',
      StringValue: 'compensation_failed',
    });
  });

  it('says that nothing was undone where nothing was, and leaves out what is not known', async () => {
    const { lines } = await half([], { ...refusal, attempts: 1 });
    expect(lines).toContain('Undone:        nothing');
    expect(lines).toContain(
      'Not undone:    shipment, after 1 attempt: shipping refused the request: 409 Conflict',
    );
    expect(lines.filter((line) => /^(Then to undo|In doubt)/.test(line))).toEqual([]);
  });
});

describe('the subject', () => {
  it('is cut to the 99 characters that SNS takes', async () => {
    const step = 's'.repeat(200);
    const { subject, lines } = await told({ step, examples: [example({ ...error, step })] });
    expect(subject).toHaveLength(99);
    expect(subject).toMatch(/^Stepline test: order-processing failed at step s+$/);
    expect(lines).toContain(`Step:          ${step}`);
  });

  it('is printable ASCII on one line, whatever the names are', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 120 });
    await fc.assert(
      fc.asyncProperty(text, text, text, fc.constantFrom(1, 512), async (stage, chain, step, count) => {
        const { subject } = await told({ chain, step, count }, stage);
        expect(subject).toMatch(/^[ -~]{1,99}$/);
        expect(subject).toMatch(/^[A-Za-z0-9]/);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a notification that was told to nobody', () => {
  it('is a failure that names it and may pass', async () => {
    const cause = Object.assign(new Error('no such topic'), { name: 'NotFoundException' });
    sns.on(PublishCommand).rejects(cause);
    await expect(notifier().notify(notification())).rejects.toMatchObject({
      name: 'EngineError',
      code: 'NOTIFICATION_FAILED',
      retriable: true,
      message: `${WORKFLOW}:0:failed was told to nobody: NotFoundException: no such topic`,
      cause: expect.objectContaining({ name: 'NotFoundException' }),
    });
  });
});

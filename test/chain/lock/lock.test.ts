import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chains } from '../../../functions/chains/index.ts';
import { chain, unknown } from '../../../lib/chain/index.ts';
import { compareWithLock } from '../../../lib/chain/lock/compare.ts';
import { LOCK_FILE, lockOf, lockToText, readLock } from '../../../lib/chain/lock/lock.ts';

const input = z.object({ orderId: z.string() });
const run = { run: () => ({}) };
const mail = (response: z.ZodType) => ({ run: () => ({}), response });
const orders = (version: number, response: z.ZodType = z.object({ id: z.string() })) =>
  chain('orders', { version, start: '/api/order', input }).step('payment', run).step('mail', mail(response));
const LOCK = readLock(lockToText(lockOf([orders(1).definition, orders(2).definition])));

it('what is deployed, or may be, has the steps that chains.lock.json holds', () => {
  // Where this fails: the message says what to write. A chain that the file does not hold is free to change.
  const lock = readLock(readFileSync(LOCK_FILE, 'utf8'));
  expect(compareWithLock(lock, chains).changed.join('\n')).toBe('');
});

describe('a definition that is as the lock holds it', () => {
  it('differs in nothing', () => {
    expect(compareWithLock(LOCK, [orders(2).definition, orders(1).definition])).toEqual({
      changed: [],
      notes: [],
      unlocked: [],
      gone: [],
    });
  });
});

describe('other steps under a version', () => {
  it('are refused, with each difference and what to write', () => {
    const changed = chain('orders', { version: 1, start: '/api/order', input })
      .step('charge', run)
      .step('mail', { request: () => ({ target: 'mail', method: 'POST', path: '/' }), after: [] });
    const [message] = compareWithLock(LOCK, [changed.definition, orders(2).definition]).changed;
    expect(message).toBe(
      [
        'Chain "orders": version 1 has other steps than chains.lock.json holds, and workflows may have begun with those:',
        '  step "charge" is new',
        '  step "mail" has request, and had run',
        '  step "mail" follows nothing, and followed "payment"',
        '  step "payment" is gone',
        'Running workflows of another definition would wait. Write version: 3 in the changed chain, list the definition of version 1 beside it as it was, and run npm run lock. If no workflow of version 1 was ever started on a stage, delete its entry from chains.lock.json instead.',
      ].join('\n'),
    );
  });

  it('are refused where keys are made in another way, too', () => {
    const was = readLock(lockToText(LOCK).replaceAll('{workflowId}:', '{workflowId}/'));
    expect(compareWithLock(was, [orders(1).definition]).changed).toEqual([
      expect.stringContaining(
        'idempotency keys are {workflowId}:{step}:{action}:{round}, and were {workflowId}/{step}:{action}:{round}',
      ),
    ]);
  });

  it('are free where the lock holds no such version, or no such chain', () => {
    const other = chain('orders', { version: 3, start: '/api/order', input }).step('else', run).definition;
    const another = { ...other, name: 'refunds', version: 1 };
    expect(compareWithLock(LOCK, [other, another])).toMatchObject({
      changed: [],
      unlocked: [
        { chain: 'orders', version: 3 },
        { chain: 'refunds', version: 1 },
      ],
      gone: [
        { chain: 'orders', version: 1 },
        { chain: 'orders', version: 2 },
      ],
    });
  });
});

describe('another schema under a version', () => {
  it('is shown, and not refused', () => {
    const mended = orders(1, z.object({ id: z.number(), at: z.string().optional() }));
    const { changed, notes } = compareWithLock(LOCK, [mended.definition]);
    expect(changed).toEqual([]);
    expect(notes).toEqual([
      'orders version 1: the response of step "mail" has another schema than chains.lock.json holds (properties.id.type: "number", was "string"; properties.at: {"type":"string"}, was nothing). npm run lock takes it; results saved before are not checked again.',
    ]);
  });

  it('is shown where it is the input, where it is new, and where it is gone', () => {
    const more = z.object({ orderId: z.string().min(1) });
    const changed = chain('orders', { version: 1, start: '/api/order', input: more })
      .step('payment', { run: () => 'x', response: z.string() })
      .step('mail', run);
    expect(compareWithLock(LOCK, [changed.definition]).notes).toEqual([
      expect.stringContaining(
        'the input has another schema than chains.lock.json holds (properties.orderId.minLength: 1, was nothing)',
      ),
      expect.stringContaining(
        'the response of step "payment" has another schema than chains.lock.json holds (it had none)',
      ),
      expect.stringContaining(
        'the response of step "mail" has another schema than chains.lock.json holds (it has none now)',
      ),
    ]);
  });

  it('is cut off where all of it is another one', () => {
    const fields = Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`field${at}`, z.boolean()]));
    const [line] = compareWithLock(LOCK, [orders(1, z.object(fields)).definition]).notes;
    expect(line).toMatch(/; and \d+ more\)/);
  });
});

describe('an undo under a version', () => {
  const undo = run;
  const undone = (options: object = {}, of: object = { undo }) =>
    chain('orders', { version: 1, start: '/api/order', input, ...options })
      .step('payment', { ...run, ...of })
      .step('mail', mail(z.object({ id: z.string() }))).definition;
  const undoLock = readLock(lockToText(lockOf([undone({ onFailure: 'undo' }), orders(2).definition])));

  it('is held by the lock, and so is that a failed workflow is taken back; nothing is where there is none', () => {
    expect(undoLock.chains.orders?.[1]).toMatchObject({ undos: { payment: 'run' }, onFailure: 'undo' });
    expect(Object.keys(undoLock.chains.orders?.[2] ?? {})).toEqual(['shape', 'schemas']);
    expect(compareWithLock(undoLock, [undone({ onFailure: 'undo' })])).toMatchObject({
      changed: [],
      notes: [],
    });
  });

  it('is refused to be taken away, with what to write: a workflow would be compensated, and an effect stand', () => {
    const bare = undone({}, {});
    expect(compareWithLock(undoLock, [bare]).changed).toEqual([
      [
        'Chain "orders": version 1 lacks an undo that chains.lock.json holds, and workflows may have begun that are taken back by it:',
        '  step "payment" has no undo, and had one',
        'What the step did would stand in a workflow that is compensated. Write the undo again: it may be another one, and of another kind. Or write version: 3 in the changed chain, list the definition of version 1 beside it as it was, and run npm run lock. If no workflow of version 1 was ever started on a stage, delete its entry from chains.lock.json instead.',
      ].join('\n'),
    ]);
  });

  it('that is gone is told beside other steps, and not of a step that is gone itself', () => {
    const changed = chain('orders', { version: 1, start: '/api/order', input }).step('payment', run);
    const [message] = compareWithLock(undoLock, [changed.definition]).changed;
    expect(message).toContain(
      'has other steps than chains.lock.json holds, and workflows may have begun with those:\n' +
        '  step "mail" is gone\n  step "payment" has no undo, and had one\nRunning workflows',
    );
    const renamed = chain('orders', { version: 1, start: '/api/order', input }).step('charge', run);
    expect(compareWithLock(undoLock, [renamed.definition]).changed[0]).not.toContain('undo');
  });

  it('is free to be mended, and shown where it is new or of another kind', () => {
    const mended = undone({ onFailure: 'undo' }, { undo: { run: () => 'more', retries: 9, timeout: 60 } });
    expect(compareWithLock(undoLock, [mended])).toMatchObject({ changed: [], notes: [] });
    const request = () => ({ target: 'mail', method: 'POST', path: '/' });
    expect(compareWithLock(undoLock, [undone({ onFailure: 'undo' }, { undo: { request } })])).toMatchObject({
      changed: [],
      notes: [
        'orders version 1: the undo of step "payment" has request, and had run. npm run lock takes it; workflows that began before are taken back by it, too.',
      ],
    });
    expect(compareWithLock(LOCK, [undone()])).toMatchObject({
      changed: [],
      notes: [
        'orders version 1: step "payment" has an undo, and had none. npm run lock takes it; workflows that began before are taken back by it, too.',
      ],
    });
  });

  it('may have a lookup beside it that comes, changes and goes: nothing of it is held', () => {
    const lookup = (path: string) => ({
      request: () => ({ target: 'mail', method: 'GET', path }) as const,
      reply: () => unknown(),
    });
    const asked = (path: string) => undone({ onFailure: 'undo' }, { undo, lookup: lookup(path) });
    const bare = undone({ onFailure: 'undo' });
    const same = { changed: [], notes: [] };
    expect(lockOf([asked('/')])).toEqual(lockOf([bare]));
    expect(compareWithLock(lockOf([bare]), [asked('/')])).toMatchObject(same);
    expect(compareWithLock(lockOf([asked('/')]), [asked('/other')])).toMatchObject(same);
    expect(compareWithLock(lockOf([asked('/')]), [bare])).toMatchObject(same);
  });

  it('is to be called by itself, or no more: that is shown', () => {
    expect(compareWithLock(undoLock, [undone()])).toMatchObject({
      changed: [],
      notes: [
        'orders version 1: onFailure is "stop", and was "undo". npm run lock takes it; workflows that began before keep what they began with.',
      ],
    });
    expect(compareWithLock(LOCK, [undone({ onFailure: 'undo' })]).notes).toContainEqual(
      expect.stringContaining('onFailure is "undo", and was "stop"'),
    );
  });

  it('stands beside the pivot, which is a matter of steps', () => {
    const forward = orders(1).definition;
    const steps = forward.steps.map((step) => ({ ...step, pivot: step.name === 'mail' }));
    const pivoted = { ...forward, steps };
    expect(compareWithLock(LOCK, [pivoted]).changed[0]).toContain(
      '  step "mail" is the pivot, and was not\n',
    );
    const lock = readLock(lockToText(lockOf([pivoted])));
    expect(compareWithLock(lock, [pivoted]).changed).toEqual([]);
    expect(compareWithLock(lock, [forward]).changed[0]).toContain(
      '  step "mail" is not the pivot, and was\n',
    );
  });
});

describe('the file', () => {
  it.each([
    ['what is not JSON', '<<<<<<< HEAD', 'it is not JSON'],
    ['what is JSON of another kind', '[]', 'expected object'],
    ['an entry of another kind', '{"chains":{"orders":{"1":{}}}}', 'chains.orders.1.shape'],
    ['a field that nobody knows', '{"chains":{},"more":1}', 'more'],
  ])('is refused as %s', (_, text, why) => {
    expect(() => readLock(text)).toThrow(
      /^chains\.lock\.json cannot be read: .*Take it from version control/s,
    );
    expect(() => readLock(text)).toThrow(why);
  });

  it('that is not there holds nothing', () => {
    expect(compareWithLock(readLock(undefined), [orders(1).definition])).toMatchObject({
      changed: [],
      unlocked: [{ chain: 'orders', version: 1 }],
    });
  });

  it('holds chains and versions in one order, whatever the order of the list: a merge finds them again', () => {
    const all = [orders(10).definition, orders(2).definition, { ...orders(1).definition, name: 'a' }];
    expect(lockToText(lockOf(all))).toBe(lockToText(lockOf([...all].reverse())));
  });
});

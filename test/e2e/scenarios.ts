import { describe, expect, it } from 'vitest';
import { dataEnrichment } from '../../functions/chains/data-enrichment.ts';
import { notifications } from '../../functions/chains/notifications.ts';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { userOnboarding } from '../../functions/chains/user-onboarding.ts';
import type { Described } from './described.ts';
import { ORDER, quickOrder } from './fixture-chains.ts';
import { controlScenarios } from './scenarios/control.ts';
import { faultScenarios } from './scenarios/faults.ts';
import { lookupScenarios } from './scenarios/lookup.ts';
import { requestScenarios } from './scenarios/requests.ts';
import { undoScenarios } from './scenarios/undo.ts';
import {
  cancel,
  documentOf,
  effectsOf,
  ended,
  holdTo,
  type Scenario,
  type Stage,
  send,
  start,
} from './stage.ts';

export interface ScenarioOptions {
  /** A stage for one scenario; it is closed afterwards. */
  readonly open: () => Promise<Stage>;
  /** Whether scenarios may run side by side: each has a stage of its own. */
  readonly together: boolean;
  /** Scenarios of this stage alone. */
  readonly more?: (scenario: Scenario) => void;
}

/** Everything that a user can see of Stepline, whatever it runs on. */
export function scenarios(name: string, { open, together, more }: ScenarioOptions): void {
  // All stages are of one deployment. To make its document takes time in which no other scenario gets its answers.
  let document: Promise<Described> | undefined;
  const scenario: Scenario = (title, play) => {
    (together ? it.concurrent : it)(title, async () => {
      const stage = await open();
      try {
        document ??= documentOf(stage);
        holdTo(stage, await document);
        await play(stage);
      } finally {
        await stage.close();
      }
    });
  };
  describe(name, () => {
    describe('a chain that goes well', () => successScenarios(scenario));
    describe('the listing', () => listScenarios(scenario));
    controlScenarios(scenario);
    requestScenarios(scenario);
    faultScenarios(scenario);
    describe('undo', () => undoScenarios(scenario));
    describe('a lookup that is answered', () => lookupScenarios(scenario));
    more?.(scenario);
  });
}

/** Of each shipped chain: what starts it, what it shows at the end, and the calls that it makes. */
const SUCCESS = [
  {
    chain: orderProcessing,
    input: ORDER,
    shows: { orderId: expect.stringMatching(/^ord_/), trackingId: expect.stringMatching(/^trk_/) },
    calls: { payment: 'payments', shipment: 'shipping', confirmation: 'mail' },
  },
  {
    chain: userOnboarding,
    input: { email: 'ada@example.com', name: 'Ada' },
    shows: { accountId: expect.stringMatching(/^acc_/) },
    calls: { verify: 'identity', provision: 'accounts', welcome: 'mail' },
  },
  {
    chain: dataEnrichment,
    input: { email: 'ada@example.com', name: 'Ada' },
    shows: {
      contactId: expect.stringMatching(/^con_/),
      company: 'example.com',
      segment: expect.any(String),
      customerId: expect.stringMatching(/^cus_/),
    },
    calls: { crm: 'crm', analytics: 'analytics', billing: 'billing' },
  },
  {
    chain: notifications,
    input: { email: 'ada@example.com', phone: '+4912345678', device: 'd1', text: 'Hello' },
    shows: {
      messageId: expect.stringMatching(/^msg_/),
      textId: expect.stringMatching(/^txt_/),
      pushId: expect.stringMatching(/^psh_/),
    },
    calls: { mail: 'mail', sms: 'sms', push: 'push' },
  },
] as const;

function successScenarios(scenario: Scenario): void {
  for (const { chain, input, shows, calls } of SUCCESS) {
    scenario(`${chain.name}: completes and shows its output; each call is made once`, async (stage) => {
      const id = await start(stage, chain.start, input);
      expect(await ended(stage, id)).toEqual({
        workflowId: id,
        chain: chain.name,
        status: 'completed',
        steps: Object.fromEntries(Object.keys(calls).map((step) => [step, 'completed'])),
        createdAt: expect.any(String),
        updatedAt: expect.any(String),
        ...shows,
      });
      for (const [step, target] of Object.entries(calls)) {
        expect(effectsOf(stage, target, id), target).toEqual([[`${id}:${step}:do:0`, 1]]);
      }
    });
  }
}

interface Page {
  readonly ids: readonly string[];
  readonly next: string | null;
}

async function page(stage: Stage, query: string): Promise<Page> {
  const { status, json } = await send(stage, 'GET', `/api/workflows?${query}`);
  expect(status, JSON.stringify(json)).toBe(200);
  const { workflows, nextCursor } = json;
  if (!Array.isArray(workflows)) throw new Error('a page has no workflows');
  return {
    ids: workflows.map(({ workflowId }) => String(workflowId)),
    next: nextCursor === null ? null : String(nextCursor),
  };
}

/** All pages; the listing is eventual, so it is read until it holds `wanted`. */
async function listed(stage: Stage, query: string, wanted: readonly string[]): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const ids: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const read: Page = await page(stage, `${query}&limit=2${next === '' ? '' : `&cursor=${next}`}`);
      ids.push(...read.ids);
      next = read.next;
    }
    const mine = ids.filter((id) => wanted.includes(id));
    if (mine.length === wanted.length || tries === 50) {
      expect(mine).toEqual(wanted);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function listScenarios(scenario: Scenario): void {
  scenario('shows the newest first, by chain and by status, page after page', async (stage) => {
    const begin = async (): Promise<string> => {
      const id = await start(stage, quickOrder.start, ORDER);
      // Places in the listing are told apart by the millisecond.
      await new Promise((resolve) => setTimeout(resolve, 5));
      return id;
    };
    const done = [await begin(), await begin(), await begin()];
    for (const id of done) await ended(stage, id);
    await stage.demo.setFault('payments', { status: 422 });
    const refused = [await begin(), await begin()];
    for (const id of refused) await ended(stage, id);
    await stage.demo.setFault('payments', { latencyMs: 800 });
    const stopped = await begin();
    await cancel(stage, stopped);
    const other = await start(stage, notifications.start, {
      email: 'ada@example.com',
      phone: '+4912345678',
      device: 'd1',
      text: 'Hello',
    });
    const newest = [other, stopped, ...[...refused].reverse(), ...[...done].reverse()];
    await listed(stage, '', newest);
    await listed(stage, `chain=${quickOrder.name}`, newest.slice(1));
    await listed(stage, `chain=${notifications.name}`, [other]);
    await listed(stage, 'status=failed', [...refused].reverse());
    await listed(stage, `status=completed&chain=${quickOrder.name}`, [...done].reverse());
    await listed(stage, 'status=cancelled', [stopped]);
    await ended(stage, other);
  });
}

import {
  ROUTES,
  timelinePath,
  WORKFLOW_STATUSES,
  type WorkflowStatus,
  workflowPath,
} from '../../lib/contract/names.ts';
import { type ListAnswer, listAnswer, type WorkflowAnswer } from '../../lib/contract/wire.ts';
import type { Book } from './book.ts';
import { SOAK_CHAINS } from './chains.ts';
import type { Client } from './client.ts';
import { repeat } from './loop.ts';
import { seeded } from './random.ts';

/** Milliseconds between two deeds, on average. */
const RESUME_MS = 400;
const CANCEL_MS = 400;
const READ_MS = 40;
const LIST_MS = 500;
/** Of the workflows accepted last, those among which one is cancelled: some of them still run. */
const RECENT = 4;
const NEW_KEYS = 0.3;
/** Of the failed workflows, the share that is taken back. */
const GIVEN_UP = 0.3;

interface Filter {
  readonly chain?: string;
  readonly status?: WorkflowStatus;
  readonly limit?: number;
  readonly cursor?: string;
}

/** Those who look, cancel, resume and take back. */
export class People {
  private readonly client: Client;
  private readonly book: Book;

  constructor(client: Client, book: Book) {
    this.client = client;
    this.book = book;
  }

  /** Cancels, resumes, takes back, reads and lists at random until `signal` says that it is over. */
  async busy(seed: number, signal: AbortSignal): Promise<void> {
    const random = seeded(seed, 'people');
    const every = (ms: number, deed: () => Promise<unknown>): Promise<void> =>
      repeat(
        () => random.between(0, 2 * ms),
        signal,
        async () => {
          if (this.book.size > 0) await deed();
        },
      );
    await Promise.all([
      // One alone resumes: with two, the second could give a new key for what the first has tried meanwhile.
      every(RESUME_MS, async () => {
        const status = random.pick(['failed', 'compensation_failed'] as const);
        const failed = await this.page({ status, limit: 20 });
        const ids = failed?.workflows.map(({ workflowId }) => workflowId) ?? [];
        if (ids.length === 0) return;
        if (status === 'failed' && random.chance(GIVEN_UP)) await this.undo(random.pick(ids));
        else await this.resume(random.pick(ids), random.chance(NEW_KEYS));
      }),
      every(CANCEL_MS, () => this.cancel(random.pick(this.book.ids.slice(-RECENT)))),
      every(READ_MS, () => this.read(random.pick(this.book.ids), random.chance(0.2))),
      every(LIST_MS, () =>
        this.page({
          ...(random.chance(0.5) ? { chain: random.pick(SOAK_CHAINS).name } : {}),
          ...(random.chance(0.5) ? { status: random.pick(WORKFLOW_STATUSES) } : {}),
        }),
      ),
    ]);
  }

  /** One workflow; undefined where none was shown. */
  async read(id: string, timeline = false): Promise<WorkflowAnswer | undefined> {
    const request = {
      method: 'GET',
      path: timeline ? timelinePath(id) : workflowPath(id),
    } as const;
    const answer = await this.client.send(request);
    if (answer === undefined) return undefined;
    this.book.counts.reads += 1;
    if (answer.status === 200) return this.book.note(answer.body);
    if (answer.status === 404) this.book.forgotten(id);
    this.client.refuse(request, answer);
    return undefined;
  }

  /** Continues it if it is failed. A new key is for a step whose target cannot have acted on the old one. */
  async resume(id: string, newKey: boolean): Promise<void> {
    const shown = await this.read(id);
    if (shown?.status !== 'failed' && shown?.status !== 'compensation_failed') return;
    const { effect } = (shown.status === 'failed' ? shown.error : shown.undoError) ?? {};
    const body = newKey && effect === 'none' ? { newKey } : {};
    const request = { method: 'POST', path: ROUTES.resume.path.replace('{id}', id), body } as const;
    const answer = await this.client.send(request);
    if (answer?.status === 202) {
      this.book.counts.resumes += 1;
      this.book.note(answer.body);
    } else if (answer !== undefined) this.client.refuse(request, answer);
  }

  /** Takes it back, if that can be. */
  private async undo(id: string): Promise<void> {
    const request = { method: 'POST', path: ROUTES.undo.path.replace('{id}', id) } as const;
    const answer = await this.client.send(request);
    if (answer?.status === 202) {
      this.book.counts.undos += 1;
      this.book.note(answer.body);
      // 409: no step of it has an undo, or an answer was lost.
    } else if (answer !== undefined && answer.status !== 409) this.client.refuse(request, answer);
  }

  /** A page of the listing, newest first; undefined where none came. */
  async page(filter: Filter): Promise<ListAnswer | undefined> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(filter)) query.set(name, String(value));
    const request = { method: 'GET', path: `${ROUTES.list.path}?${query}` } as const;
    const answer = await this.client.send(request);
    if (answer === undefined) return undefined;
    this.book.counts.pages += 1;
    if (answer.status === 200) return this.book.parse(listAnswer, answer.body);
    this.client.refuse(request, answer);
    return undefined;
  }

  private async cancel(id: string): Promise<void> {
    const request = { method: 'POST', path: ROUTES.cancel.path.replace('{id}', id) } as const;
    const answer = await this.client.send(request);
    if (answer?.status === 200) {
      this.book.counts.cancels += 1;
      this.book.note(answer.body);
      // 409: it has ended already.
    } else if (answer !== undefined && answer.status !== 409) this.client.refuse(request, answer);
  }
}

import type { Service } from '../../../functions/handlers.ts';
import type { Ports, Store } from '../../../lib/engine/ports.ts';
import type { Oracle } from '../oracle/oracle.ts';

/** What becomes of the requests by which one client wants one thing: a start, say, with its repeats under one key. */
export interface Wish {
  /** What is to answer one request of it, watched. */
  readonly watch: (service: Service) => Service;
  /** A start of it was answered with the id of a workflow. */
  answered(workflowId: string): void;
  /** A request of it was answered with an error. */
  refused(status: number): void;
}

/**
 * A start without a key is one request, and one with a key all of its repeats: either way it is one workflow.
 * @param what the request, in words
 */
export function createWish({ onMeta, report }: Pick<Oracle, 'onMeta' | 'report'>, what: string): Wish {
  /** Those that the engine has tried to create, that are in the table, and that clients know of. */
  const tried = new Set<string>();
  const created = new Set<string>();
  const told = new Set<string>();
  /** What has failed in the request that was sent last. */
  let failed = { store: false, send: false };
  const one = (ids: ReadonlySet<string>, problem: string): void => {
    if (ids.size > 1) report(`${what} ${problem} ${[...ids].join(' and ')}`);
  };
  onMeta(({ meta: { workflowId } }, before) => {
    if (before !== undefined || !tried.has(workflowId)) return;
    created.add(workflowId);
    one(created, 'has begun');
  });
  return {
    watch: (service) => {
      const mine = { store: false, send: false };
      failed = mine;
      const store = watchedStore(service.ports.store, tried, () => {
        mine.store = true;
      });
      const queue: Ports['queue'] = {
        ...service.ports.queue,
        send: (outgoing) =>
          service.ports.queue.send(outgoing).catch((error: unknown) => {
            mine.send = true;
            throw error;
          }),
      };
      return { ...service, ports: { ...service.ports, store, queue } };
    },
    answered: (workflowId) => {
      told.add(workflowId);
      one(told, 'was answered with');
      if (tried.size > 0 && !tried.has(workflowId))
        report(`${what} was answered with ${workflowId}, and began another`);
    },
    refused: (status) => {
      if (status >= 500 && failed.send && !failed.store)
        report(`${what} was answered ${status}, and all was saved: its messages alone were not sent`);
    },
  };
}

/** Only what a start or a resume calls can fail in it. */
function watchedStore(store: Store, tried: Set<string>, fail: () => void): Store {
  const told = <Result>(work: Promise<Result>): Promise<Result> =>
    work.catch((error: unknown) => {
      fail();
      throw error;
    });
  return {
    ...store,
    create: (meta) => {
      tried.add(meta.workflowId);
      return told(store.create(meta));
    },
    load: (key) => told(store.load(key)),
    writeMeta: (meta, expected) => told(store.writeMeta(meta, expected)),
  };
}

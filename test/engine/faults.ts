import { EngineError } from '../../lib/engine/errors.ts';

/** What a fault does to one call of a port. */
export interface Fault {
  /** The call fails, and nothing was done. */
  readonly fail?: true;
  /** The call is done, and its reply is lost. */
  readonly lose?: true;
  /** What others do meanwhile: just before the call, or between the call and its reply. */
  readonly before?: () => unknown;
  readonly after?: () => unknown;
}

const OPERATIONS = [
  'create',
  'load',
  'writeMeta',
  'writeStep',
  'list',
  'listDue',
  'loadPace',
  'writePace',
  'send',
  'park',
  'setVisibility',
  'receive',
  'acknowledge',
  'notify',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** A fault in which others act. */
type Strike = (act: () => unknown) => readonly [Operation, Fault];

/** The two moments at which what was decided from can still change. */
export const MEANWHILE: readonly (readonly [string, Strike])[] = [
  ['after the load', (act) => ['load', { after: act }]],
  ['before the write', (act) => ['writeMeta', { before: act }]],
];

export interface Faults {
  /** Each further fault strikes one further call of the operation; `{}` lets it pass. */
  next(operation: Operation, ...faults: readonly Fault[]): void;
  /** Every call of a port, in order. */
  readonly log: Operation[];
}

/** A wrapper for the calls of ports, and the faults that it has still to bring. */
export function createFaults() {
  const planned = new Map<Operation, Fault[]>(OPERATIONS.map((operation) => [operation, []]));
  const log: Operation[] = [];
  const error = () => new EngineError('STORE_UNAVAILABLE', 'a fault of this test');
  return {
    log,
    next: (operation: Operation, ...faults: readonly Fault[]) => {
      planned.get(operation)?.push(...faults);
    },
    /** Does the call with the fault that is planned for it. */
    around: async <Result>(operation: Operation, call: () => Promise<Result>): Promise<Result> => {
      log.push(operation);
      const fault = planned.get(operation)?.shift();
      await fault?.before?.();
      if (fault?.fail) throw error();
      const result = await call();
      await fault?.after?.();
      if (fault?.lose) throw error();
      return result;
    },
  };
}

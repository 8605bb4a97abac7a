import type { StepMessage } from '../../contract/wire.ts';
import type { EngineEvent } from '../../engine/events.ts';
import type { Http, Notification, Pace } from '../../engine/ports.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta } from '../../engine/state.ts';

/** A worker as others know it. */
export interface Caller {
  readonly name: string;
  readonly dead: boolean;
}

/** Sees what workers do to table and queues: what was really written and sent, whatever they are told of it. */
export interface Witness {
  /** Something that may not happen has happened. */
  report(what: string): void;
  /** When the next workflow is due for the reconciler; undefined if none is. */
  nextDue(): number | undefined;
  /** Calls `changed` after each write of META. */
  onMeta(changed: () => void): void;
  /** A load begins: returns its number, which the state that it brings is to be known by. */
  loadBegins(key: WorkflowKey): number;
  loaded(meta: WorkflowMeta, number: number): void;
  metaTried(key: WorkflowKey): void;
  metaWritten(meta: WorkflowMeta): void;
  stepTried(key: WorkflowKey, record: StepRecord, expiresAt: number): void;
  /** @param decidedFrom the META that the writer had loaded */
  stepWritten(decidedFrom: WorkflowKey, record: StepRecord): void;
  /** A worker has written what came of a call, or has failed to. */
  callEnded(token: string): void;
  paceWritten(pace: Pace): void;
  sent(message: StepMessage, body: string): void;
  notified(notification: Notification): void;
}

/** What one worker meets outside of table and queues, and who hears what it tells. */
export interface Outside extends Http {
  /** The value of a secret that code reads; left out where none does. */
  secret?(name: string): string;
  emitted(event: EngineEvent): void;
}

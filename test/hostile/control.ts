import { Worker } from 'node:worker_threads';
import * as z from 'zod';

/** A bare timer in a thread of its own: how late it is says how busy the machine is, whatever holds up the code under test. */
export interface Control {
  /** Starts a timer of `ms` milliseconds; resolves with how many milliseconds late it was. */
  lateness(ms: number): Promise<number>;
  close(): Promise<void>;
}

const PROGRAM = `
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', ({ id, ms }) => {
    const due = performance.now() + ms;
    setTimeout(() => parentPort.postMessage({ id, late: Math.max(0, performance.now() - due) }), ms);
  });`;

const answer = z.object({ id: z.number(), late: z.number() });

/** @example const control = startControl(); const late = await control.lateness(300); await control.close(); */
export function startControl(): Control {
  const worker = new Worker(PROGRAM, { eval: true });
  const waiting = new Map<number, (late: number) => void>();
  let id = 0;
  worker.on('message', (message) => {
    const { id: of, late } = answer.parse(message);
    waiting.get(of)?.(late);
    waiting.delete(of);
  });
  return {
    lateness: (ms) =>
      new Promise((resolve) => {
        id += 1;
        waiting.set(id, resolve);
        worker.postMessage({ id, ms });
      }),
    close: async () => void (await worker.terminate()),
  };
}

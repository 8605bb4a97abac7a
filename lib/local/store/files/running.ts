import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { maskedSum } from './crc32c.ts';

/*
 * Which attempts are under way, in a file of its own: the next life of the process learns from it what this one did when it
 * ended. A claim may be in memory alone, and this is for deaths of the process: the disk is never waited for.
 */

export const RUNNING = 'running';

/** A step of a workflow. */
export interface RunningStep {
  readonly tenant: string;
  readonly workflowId: string;
  readonly step: string;
}

/**
 * What a place of the file says of its attempt. `alone`: nothing else ran. `blamed`: the process ended by an error, or an exit, of this very
 * attempt. `waits`: it ran when an earlier life ended, and has not begun again.
 */
export const STATES = { running: 'r', alone: 'l', blamed: 'b', waits: 'w' } as const;
export type RunningState = keyof typeof STATES;

export interface Left extends RunningStep {
  readonly state: RunningState;
}

/** One attempt in the file. */
export interface Place {
  become(state: RunningState): void;
  /** Free for another one. */
  free(): void;
}

export interface RunningFile {
  /** What the file held when it was opened, each with its place. */
  readonly left: readonly (Left & { readonly place: Place })[];
  take(step: RunningStep, state: RunningState): Place;
  close(): void;
}

/** A tenant has at most 128 characters, a workflow id 35, a step 20: all of ASCII. */
const WIDTH = 256;
const EMPTY = ' '.repeat(WIDTH - 1);

/** Opens the file, or begins it. A place that cannot be read says nothing, and is free. */
export function openRunning(directory: string): RunningFile {
  const path = join(directory, RUNNING);
  closeSync(openSync(path, 'a', 0o600));
  const lines = readFileSync(path, 'latin1').split('\n').slice(0, -1);
  const file = openSync(path, 'r+');
  const free: number[] = [];
  let count = lines.length;
  const write = (at: number, text: string): void => {
    writeSync(file, `${text.padEnd(WIDTH - 1)}\n`, at * WIDTH, 'latin1');
  };
  const placeAt = (at: number, step: RunningStep): Place => ({
    become: (state) => write(at, written(step, state)),
    free: () => {
      write(at, EMPTY);
      free.push(at);
    },
  });
  const left = lines.flatMap((line, at) => {
    const found = readPlace(line);
    if (found === undefined) free.push(at);
    return found === undefined ? [] : [{ ...found, place: placeAt(at, found) }];
  });
  return {
    left,
    take: (step, state) => {
      const at = free.pop() ?? count++;
      const place = placeAt(at, step);
      place.become(state);
      return place;
    },
    close: () => closeSync(file),
  };
}

function written({ tenant, workflowId, step }: RunningStep, state: RunningState): string {
  const text = [STATES[state], tenant, workflowId, step].join(' ');
  return `${text} ${maskedSum(Buffer.from(text)).toString(16)}`;
}

function readPlace(line: string): Left | undefined {
  const [letter, tenant = '', workflowId = '', step = ''] = line.trim().split(' ');
  const state = NAMES.find((name) => STATES[name] === letter);
  if (state === undefined) return undefined;
  const found = { state, tenant, workflowId, step };
  return line.trim() === written(found, state) ? found : undefined;
}

const NAMES: readonly RunningState[] = ['running', 'alone', 'blamed', 'waits'];

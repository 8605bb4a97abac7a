import { once } from 'node:events';
import { startAnswer } from '../../lib/contract/wire.ts';
import type { Book } from './book.ts';
import { SOAK_CHAINS, type SoakChain } from './chains.ts';
import type { Client } from './client.ts';
import { pause, repeat } from './loop.ts';
import { type Random, seeded } from './random.ts';

/** Starts that wait for their answer at a time: more would only be a heap after a long recovery. */
const UNANSWERED_MOST = 500;
/** Share of starts that are sent once more although they were answered, as by a client that crashed. */
const SENT_TWICE = 0.05;
/** Milliseconds before a start without an answer is sent again. */
const AGAIN_MS = 50;

/**
 * Starts so many workflows a second until `signal` says that it is over; resolves once each has been accepted.
 * @param givenUp ends the waiting
 */
export async function load(
  client: Client,
  book: Book,
  { seed, rate }: { readonly seed: number; readonly rate: number },
  signal: AbortSignal,
  givenUp: AbortSignal,
): Promise<void> {
  const random = seeded(seed, 'load');
  const unanswered = new Set<Promise<void>>();
  let number = 0;
  await repeat(
    () => random.between(0, 2_000 / rate),
    signal,
    async () => {
      if (unanswered.size >= UNANSWERED_MOST) return;
      number += 1;
      const chain = random.pick(SOAK_CHAINS);
      const begun = startOne(client, book, chain, number, random, givenUp).finally(() =>
        unanswered.delete(begun),
      );
      unanswered.add(begun);
    },
  );
  const waiting = givenUp.aborted ? Promise.resolve() : once(givenUp, 'abort');
  await Promise.race([Promise.all(unanswered), waiting]);
  if (unanswered.size > 0) book.unexpected(`${unanswered.size} starts were never answered with 202`);
}

/** Sends a start with its key until it is accepted: as a client would that gets no answer. */
async function startOne(
  client: Client,
  book: Book,
  chain: SoakChain,
  number: number,
  random: Random,
  givenUp: AbortSignal,
): Promise<void> {
  const input = chain.input(number);
  const request = { method: 'POST', path: chain.path, key: `start ${number}`, body: input } as const;
  const twice = random.chance(SENT_TWICE);
  let given: string | undefined;
  for (let sent = 0; !givenUp.aborted; sent += 1) {
    if (sent > 0) await pause(AGAIN_MS, givenUp);
    book.counts.starts += 1;
    if (sent > 0) book.counts.sentAgain += 1;
    const answer = await client.send(request);
    if (answer === undefined) continue;
    if (answer.status !== 202) {
      client.refuse(request, answer);
      if (answer.status !== 503) return;
      continue;
    }
    const workflowId = book.parse(startAnswer, answer.body)?.workflowId;
    if (workflowId === undefined) return;
    if (given !== undefined && given !== workflowId) {
      book.unexpected(`${chain.name} ${request.key} was accepted as ${given}, then as ${workflowId}`);
    }
    if (given === undefined) book.accept(workflowId, chain, input);
    if (!twice || given !== undefined) return;
    given = workflowId;
  }
}

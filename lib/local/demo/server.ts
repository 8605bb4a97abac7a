import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Asked, answerTo, type FindCaller, type KeyIn } from './answers.ts';
import { readBody } from './bodies.ts';
import { type Fault, FaultPlan, parseFaults } from './faults.ts';
import {
  answering,
  HttpRefusal,
  isTaken,
  type Listener,
  openListener,
  openSomewhere,
  parseJson,
  pathOf,
  queryOf,
  readText,
  sendJson,
  sendText,
  urlOf,
} from './http.ts';
import type { Ledger, StoredReply } from './ledger.ts';
import { lookedUp } from './looked-up.ts';
import { sendFaulty } from './replies.ts';
import { undoingOf } from './undone.ts';

export interface DemoServerInput {
  readonly name: string;
  readonly findCaller: FindCaller;
  readonly keyIn: KeyIn;
  readonly ledger: Ledger;
  readonly host: string;
}

const TAKEN_BACK = 'this call was taken back before it came';

/** Every call that waits listens to it: that is no leak. */
function newLife(): AbortController {
  const life = new AbortController();
  setMaxListeners(0, life.signal);
  return life;
}

/** One demo target: a server that honours idempotency keys, keeps a ledger, and fails when it is told to. */
export class DemoServer {
  readonly faults = new FaultPlan();
  private readonly input: DemoServerInput;
  private readonly inFlight = new Set<string>();
  private readonly handler = answering((request, response) => this.serve(request, response));
  private listener: Listener | undefined;
  /** The port of the first start: where a target that was down comes back. */
  private home = 0;
  /** Ends with the listener: whatever waits then has no effect any more, as in a process that was killed. */
  private life = newLife();
  private switching: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(input: DemoServerInput) {
    this.input = input;
  }

  get name(): string {
    return this.input.name;
  }

  get ledger(): Ledger {
    return this.input.ledger;
  }

  get port(): number {
    return this.home;
  }

  get url(): string {
    return urlOf(this.input.host, this.home);
  }

  /** Listens on `port`, or on a free one where it is taken. 0: any. */
  async start(port: number): Promise<void> {
    this.listener = await openSomewhere(this.handler, this.input.host, port);
    this.home = this.listener.port;
  }

  /** Puts `wanted` in place of the faults there are; `down` has happened when it resolves. */
  setFaults(wanted: readonly Fault[]): Promise<void> {
    this.faults.set(wanted);
    // One after the other: going down and coming back must not overtake each other.
    const switched = this.switching.then(() => (this.faults.down ? this.goDown() : this.comeBack()));
    this.switching = switched.catch(() => undefined);
    return switched;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.switching;
    await this.goDown();
  }

  private async goDown(): Promise<void> {
    const { listener } = this;
    if (listener === undefined) return;
    this.listener = undefined;
    this.life.abort();
    await listener.close();
  }

  private async comeBack(): Promise<void> {
    if (this.closed || this.listener !== undefined) return;
    this.life = newLife();
    // While it was down, an outgoing connection of anyone may have borrowed the port for a moment.
    for (let tries = 1; this.listener === undefined; tries += 1) {
      try {
        this.listener = await openListener(this.handler, this.input.host, this.home);
      } catch (error) {
        if (!isTaken(error) || tries === 40) throw error;
        await sleep(50);
      }
    }
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request);
    if (path === '/ledger' || path === '/faults') return await this.administer(request, response, path);
    this.ledger.calls += 1;
    const { life } = this;
    try {
      const body = await readText(request);
      await this.answer(request, response, body, this.faults.take(path), life.signal);
    } catch (error) {
      if (life.signal.aborted) response.destroy();
      else throw error;
    }
  }

  private async answer(
    request: IncomingMessage,
    response: ServerResponse,
    text: string,
    fault: Fault,
    signal: AbortSignal,
  ): Promise<void> {
    const { latencyMs } = fault;
    const pause = async (): Promise<void> => {
      if (latencyMs !== undefined) await sleep(latencyMs, undefined, { signal });
    };
    if (fault.status !== undefined || fault.hang || fault.drop === 'before') {
      await pause();
      return this.withoutEffect(response, fault);
    }
    const key = this.input.keyIn(request.headers);
    const known = key === null ? undefined : this.ledger.replyTo(key);
    const before = fault.late ? async () => undefined : pause;
    const reply = known ?? (await this.act(request, key, text, before, signal));
    if (fault.late || known !== undefined) await pause();
    await this.reply(response, reply, fault, known !== undefined, signal);
  }

  private withoutEffect(response: ServerResponse, fault: Fault): void {
    if (fault.drop === 'before') response.destroy();
    if (fault.status === undefined) return;
    const { status, body = { error: 'a fault is switched on', status }, retryAfter } = fault;
    sendText(response, status, typeof body === 'string' ? body : JSON.stringify(body), {
      ...(typeof body === 'string' ? { 'content-type': 'text/plain' } : {}),
      ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
    });
  }

  /** The effect, once for each key; `pause` comes before it. */
  private async act(
    request: IncomingMessage,
    key: string | null,
    text: string,
    pause: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<StoredReply> {
    if (key !== null && this.inFlight.has(key))
      throw new HttpRefusal(409, 'a call with this key is under way');
    if (key !== null) this.inFlight.add(key);
    try {
      await pause();
      const caller = await this.input.findCaller(request.headers);
      const { name: target, ledger } = this;
      const { method = 'GET' } = request;
      const path = pathOf(request);
      const query = queryOf(request);
      const body = await readBody(request.headers['content-type'] ?? '', text);
      const at = Date.now();
      const seed = `${target} ${key ?? `#${ledger.size}`}`;
      const asked: Asked = { target, method, path, query, body, at, seed, id: idMaker(seed) };
      const known = lookedUp(asked, caller, ledger);
      if (known !== undefined) return known;
      const answer = await answerTo(asked, caller);
      const reply =
        caller?.read === 'text'
          ? { status: answer.status, body: String(answer.body ?? ''), type: 'text/plain; charset=utf-8' }
          : { status: answer.status, body: JSON.stringify(answer.body) };
      const secrets = caller?.secrets ?? cardIn(body);
      // A target that went down meanwhile has no effect.
      signal.throwIfAborted();
      // From here on nothing comes in between: who takes back and who acts late see each other.
      if (key !== null && ledger.refuses(key)) throw new HttpRefusal(410, TAKEN_BACK);
      const undoing = undoingOf(asked, caller);
      const found = undoing && ledger.find(undoing);
      if (undoing !== undefined && found === undefined) {
        if (undoing.key !== undefined) ledger.refuse(undoing.key);
        throw new HttpRefusal(404, 'there is nothing to take back');
      }
      if (found?.undone !== undefined) return found.undone;
      ledger.record({ key, method, path, body, secrets, at, reply, undoes: found?.name });
      return reply;
    } finally {
      if (key !== null) this.inFlight.delete(key);
    }
  }

  private async reply(
    response: ServerResponse,
    reply: StoredReply,
    fault: Fault,
    replayed: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    if (fault.drop === 'after') response.destroy();
    else if (fault.malformed !== undefined || fault.drip) await sendFaulty(response, reply, fault, signal);
    else {
      sendText(response, reply.status, reply.body, {
        ...(reply.type === undefined ? {} : { 'content-type': reply.type }),
        ...(replayed ? { 'idempotent-replayed': 'true' } : {}),
      });
    }
  }

  private async administer(
    request: IncomingMessage,
    response: ServerResponse,
    path: '/ledger' | '/faults',
  ): Promise<void> {
    const asked = `${request.method} ${path}`;
    if (asked === 'GET /ledger') return sendJson(response, 200, this.ledger.view());
    if (asked === 'DELETE /ledger') this.ledger.clear();
    else if (asked === 'PUT /faults') await this.putFaults(response, await readFaults(request));
    else if (asked === 'DELETE /faults') await this.setFaults([]);
    else if (asked !== 'GET /faults') throw new HttpRefusal(405, `${asked} is not offered`);
    if (response.headersSent) return;
    sendJson(response, 200, path === '/faults' ? { faults: this.faults.current } : this.ledger.view());
  }

  /** A target that is to go down answers that first. */
  private async putFaults(response: ServerResponse, wanted: readonly Fault[]): Promise<void> {
    if (!wanted.some((fault) => fault.down)) return await this.setFaults(wanted);
    await new Promise<void>((resolve) => {
      response.once('close', resolve);
      response.setHeader('connection', 'close');
      sendJson(response, 200, { faults: wanted });
    });
    await this.setFaults(wanted);
  }
}

function idMaker(seed: string): (prefix: string) => string {
  const hash = createHash('sha256').update(seed).digest('hex');
  return (prefix) => `${prefix}_${hash.slice(0, 16)}`;
}

/** Nobody says of a call by hand what is secret in it. */
const cardIn = (body: unknown): readonly string[] =>
  typeof body === 'object' &&
  body !== null &&
  'card' in body &&
  typeof body.card === 'string' &&
  body.card !== ''
    ? [body.card]
    : [];

/** Errors: `HttpRefusal` 400 that names the field. */
export async function readFaults(request: IncomingMessage): Promise<readonly Fault[]> {
  const json = parseJson(await readText(request));
  try {
    return parseFaults(json);
  } catch (error) {
    throw new HttpRefusal(400, `this is no fault: ${error instanceof Error ? error.message : error}`);
  }
}

import * as z from 'zod';
import { openHostileEngine } from './engine.ts';

/**
 * Calls the targets named by the argument, all at a time, in a process of its own: what it grows by is what the calls cost.
 * The first target is friendly, and is called before the others, so that what is loaded once is not counted.
 */
const urls = z.array(z.string()).parse(JSON.parse(process.argv[2] ?? '[]'));
const engine = await openHostileEngine({ urls, step: { timeout: 20 } });
await engine.call();
const before = process.resourceUsage().maxRSS;
const ends = await Promise.all(urls.slice(1).map((_, at) => engine.call(at + 1)));
const grownMiB = (process.resourceUsage().maxRSS - before) / 1_024;
await engine.close();
const beyondMs = Math.max(...ends.map(({ tookMs, deadlineMs, lateMs }) => tookMs - deadlineMs - lateMs));
const states = ends.map(({ record: { status, error } }) => `${status} ${error?.code} ${error?.effect}`);
console.log(JSON.stringify({ grownMiB, beyondMs, states }));

import { startMiniStack } from './ministack.ts';

/** Starts MiniStack, says how to find it, and waits to be killed. */
const { endpoint, env } = await startMiniStack();
console.log(JSON.stringify({ endpoint, env }));
setInterval(() => undefined, 1_000);

import fc from 'fast-check';
import { afterEach } from 'vitest';
import { closers } from './closers.ts';

// Every run of the tests tries the same values: a change is judged by what it changed.
fc.configureGlobal({ seed: 1 });

// Here, and not beside `closers`: files that share their modules would run a hook of a module for the first of them alone.
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** What tests of chains are written with. It works in any test runner, and belongs in tests alone. */

export { everyFault, type FaultReport } from './every-fault.ts';
export { answer, broken, noAnswer, unreachable } from './fakes/answer.ts';
export type { FakeCall } from './fakes/call.ts';
export { type Effects, type Fakes, fakeTarget, type Targets } from './fakes/fakes.ts';
export type { TestCall } from './targets.ts';
export { type Duration, type TestOptions, type TestRun, testChain } from './test-chain.ts';

/** What a chain is written with. */
export { chain } from './chain.ts';
export type { ChainDefinition, RequestSpec } from './definition.ts';
export { DefinitionError } from './definition-error.ts';
export { StepRefusal } from './refusal.ts';
export { path } from './request/path.ts';
export { target } from './target.ts';

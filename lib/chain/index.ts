/** What a chain is written with. */
export { chain } from './chain.ts';
export type { ChainDefinition, RequestSpec } from './definition.ts';
export { DefinitionError } from './definition-error.ts';
export { StepRefusal } from './refusal.ts';
export { done, notDone, unknown } from './request/answer.ts';
export { json } from './request/body.ts';
export { CallError } from './request/call-error.ts';
export { form } from './request/form.ts';
export { multipart } from './request/multipart.ts';
export { path } from './request/path.ts';
export { text } from './request/text.ts';
export { later, refused } from './request/verdict.ts';
export { target } from './target.ts';

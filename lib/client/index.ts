/** What a program calls a stage with. */
export { stepline } from './client.ts';
export { NoAnswer, ProblemError, WaitTimeout, WorkflowFailed } from './errors.ts';
export type { Auth, ClientOptions } from './options.ts';
export type {
  Client,
  Completed,
  InputOf,
  ListedWorkflow,
  OutputOf,
  StartedWorkflow,
  Timeline,
  Workflow,
  WorkflowHandle,
} from './types.ts';

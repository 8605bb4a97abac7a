import { type ApiHandler, type Service, startHandler } from '../../../functions/handlers.ts';
import type { ApiAnswer, ApiEvent } from '../../../functions/http.ts';
import { type StageOptions, startStage } from '../../../lib/testing/world/stage.ts';
import { changedFrom } from './chains.ts';

/** What clients can ask of a stage, or of one process. */
export interface System {
  /**
   * A request of a client; undefined if the function died before it answered.
   * @param watch makes the service that answers it one that is watched
   */
  request(
    handler: (service: Service) => ApiHandler,
    event: ApiEvent,
    watch?: (service: Service) => Service,
  ): Promise<ApiAnswer | undefined>;
}

export function startSystem(options: Omit<StageOptions, 'changed'>): System {
  const stage = startStage({ ...options, changed: changedFrom });
  return {
    request: (handler, event, watch = (service) => service) =>
      stage
        .ask(handler === startHandler ? 'start' : 'workflow', (service) => handler(watch(service))(event))
        .catch((error: unknown) => {
          options.witness.report(`the API threw: ${String(error)}`);
          return undefined;
        }),
  };
}

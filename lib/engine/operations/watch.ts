import type { WorkflowAnswer } from '../../contract/wire.ts';
import type { Watch, Watching } from '../ports.ts';
import type { WorkflowKey } from '../state.ts';
import { changesAt } from '../view.ts';
import type { ApiEngine } from './api-engine.ts';
import { answer, existing } from './read.ts';

/** What a read brought that might wait. */
export interface Watched {
  readonly answer: WorkflowAnswer;
  /** It did not wait, as all places are taken. */
  readonly full: boolean;
}

/**
 * One workflow as its users see it, as soon as that is `news` to whoever asks, or when `ms` milliseconds are over.
 * Errors: `ProblemError` `UNKNOWN_WORKFLOW`; those of the store.
 * @param watch undefined where no read may wait
 */
export async function getNews(
  engine: ApiEngine,
  watch: Watch | undefined,
  key: WorkflowKey,
  news: (answer: WorkflowAnswer) => boolean,
  ms: number,
): Promise<Watched> {
  const { clock } = engine.ports;
  const end = clock.now() + ms;
  let place: Watching | undefined;
  let waits = true;
  try {
    for (;;) {
      const state = await existing(engine, key);
      const shown = answer(engine, state);
      const now = clock.now();
      if (news(shown) || now >= end || !waits) return { answer: shown, full: false };
      if (place === undefined) {
        place = await watch?.open(key, end - now);
        if (place === undefined) return { answer: shown, full: true };
        // What was written before the place was taken may have gone unnoticed.
        continue;
      }
      waits = await place.next(Math.min(end, changesAt(state, now) ?? end) - now);
    }
  } finally {
    await place?.close();
  }
}

import type { Construct } from 'constructs';
import { functionMetric } from '../metrics.ts';
import { StageAlarm, type Subject, type WatchedStage } from './alarm.ts';

const WATCHED = {
  'function-errors': 'Errors',
  throttles: 'Throttles',
  'recursion-dropped': 'RecursiveInvocationsDropped',
} as const;

/** The alarms of these kinds on one function; `subject.parts` is what the function's name says after the stage. */
export const functionAlarms = (
  fn: Construct,
  watched: WatchedStage,
  subject: Subject,
  kinds: readonly (keyof typeof WATCHED)[],
): readonly StageAlarm[] =>
  kinds.map(
    (kind) =>
      new StageAlarm(fn, kind, {
        watched,
        ...subject,
        metric: (period) =>
          functionMetric(WATCHED[kind], watched.stage.name, subject.parts, { statistic: 'Sum', period }),
      }),
  );

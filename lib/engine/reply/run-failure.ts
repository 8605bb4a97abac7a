import { isTargetName } from '../../chain/naming.ts';
import { StepRefusal } from '../../chain/refusal.ts';
import { excerpt } from '../mask.ts';
import type { Failure } from '../outcome.ts';
import { frozenRemedy } from '../sensitive/frozen.ts';
import { thrownText } from './thrown.ts';

/**
 * What the code of a `run` step threw, as a failure; secrets masked.
 * @param acted whether a call that it made may have changed something: then it was not refused as a whole
 */
export function runFailure(error: unknown, secrets: readonly string[], acted = false): Failure {
  const message = excerpt(thrownText(error) + frozenRemedy(error), secrets);
  if (!(error instanceof StepRefusal))
    return { code: 'RUN_FAILED', message, retriable: true, acted: 'unknown' };
  const { target, status } = error;
  // What the code says of it may be wrong; that it was refused is true all the same.
  const isTarget = target === undefined || isTargetName(target);
  const isStatus = status === undefined || (Number.isInteger(status) && status >= 100 && status <= 599);
  const noTarget = isTarget ? '' : '; its target is no name of a target';
  const noStatus = isStatus ? '' : '; its status is no HTTP status';
  return {
    code: 'REFUSED',
    message: message + noTarget + noStatus,
    retriable: false,
    acted: acted ? 'unknown' : 'no',
    ...(isTarget && target !== undefined ? { target } : {}),
    ...(isStatus && status !== undefined ? { httpStatus: status } : {}),
  };
}

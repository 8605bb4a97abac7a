import { chains } from '../functions/chains/index.ts';
import { SettingsError, settingsOf } from '../lib/cdk/settings.ts';
import { physicalName, tableName } from '../lib/cdk/stage.ts';
import type { ChainDefinition } from '../lib/chain/definition.ts';
import { stepPlaces } from '../lib/chain/places.ts';
import { shapeHash } from '../lib/chain/shape.ts';
import { CEILINGS, LIMITS } from '../lib/contract/limits.ts';
import { DEFAULT_TENANT, type SettledStage } from '../lib/contract/names.ts';
import { namedMessageOf } from '../lib/engine/errors.ts';
import { type Losses, lossesOf, type Remaining } from '../lib/ops/losses.ts';
import {
  OPEN_STATUSES,
  type OpenStatus,
  type OpenVersion,
  type TablePlace,
} from '../lib/ops/open-workflows.ts';
import { stages } from './stages.ts';

/** The context with which a deployment takes away what is still needed: `-c losses=accepted`. */
export const LOSSES_CONTEXT = { name: 'losses', accepted: 'accepted' } as const;

/** What a deployment of `chains` leaves. */
export function remainingOf(of: readonly ChainDefinition[]): Remaining {
  const versions = new Map<string, ReadonlyMap<number, string>>();
  for (const chain of of) {
    const { name, version } = chain;
    versions.set(name, new Map(versions.get(name)).set(version, shapeHash(chain)));
  }
  return { steps: stepPlaces(of), versions };
}

/** Where the workflows of a stage are. */
export function tablePlaceOf(stage: SettledStage): TablePlace {
  const settings = settingsOf(stages, stage);
  const hasTenants = settings.authorization.type === 'jwt';
  return {
    tableName: tableName({ name: stage, settings }),
    tenant: hasTenants ? undefined : DEFAULT_TENANT,
    region: settings.region,
  };
}

/**
 * A step that is no longer in any definition loses its queues at the next deployment, with what is in them, and workflows that need it
 * cannot go on.
 * Errors: `SettingsError`, which says what would be lost and how to go on, or why AWS did not tell.
 * @returns what to tell: the steps whose queues go although nothing needs them
 */
export async function refuseLosses(stage: SettledStage): Promise<readonly string[]> {
  const place = { queuePrefix: physicalName(stage, ''), ...tablePlaceOf(stage) };
  const losses = await lossesOf(place, remainingOf(chains)).catch((error: unknown) => {
    const why = namedMessageOf(error);
    throw new SettingsError(
      `Cannot find out whether this deployment would take away what is still needed: ${why}. Sign in as somebody who may list queues (sqs:ListQueues, sqs:GetQueueAttributes) and read the table and its indexes (dynamodb:Scan, dynamodb:Query, dynamodb:BatchGetItem), or go on without this look: -c ${LOSSES_CONTEXT.name}=${LOSSES_CONTEXT.accepted}`,
    );
  });
  const refusal = refusalOf(stage, losses) ?? tooManyOf(losses);
  if (refusal !== undefined) throw new SettingsError(refusal);
  return losses.steps.map(
    ({ chain, step }) =>
      `The step ${step} of ${chain} is in no definition any more: its queues are deleted. They are empty, and no workflow needs them.`,
  );
}

/** Why a deployment is refused; undefined where nothing would be lost. */
export function refusalOf(stage: SettledStage, losses: Losses): string | undefined {
  const lines = linesOf(losses);
  if (lines.length === 0) return undefined;
  return [
    `This deployment of stage "${stage}" would take away what is still needed:`,
    ...lines.map((line) => `  ${line}`),
    'Put these definitions back into functions/chains/index.ts, beside the new ones, until their workflows have ended: wait for those that are processing or taken back, and resume or cancel the failed ones.',
    `To lose all of it: -c ${LOSSES_CONTEXT.name}=${LOSSES_CONTEXT.accepted}`,
  ].join('\n');
}

/** Why CloudFormation would refuse a deployment half-way; undefined where it would not. */
export function tooManyOf({ added, steps: gone }: Pick<Losses, 'added' | 'steps'>): string | undefined {
  const most = LIMITS.stepsAtOnce;
  if (added.length + gone.length <= most) return undefined;
  const [make, remove] = [counted(added.length, 'step'), counted(gone.length, 'step')];
  return `This deployment would make ${make} and remove ${remove}. ${AT_ONCE} Do it in parts: change functions/chains/index.ts by some of the chains at a time, and deploy after each.`;
}

/** Why CloudFormation would not remove a stage of these chains; undefined where it would. */
export function tooManyToDestroy(of: readonly ChainDefinition[]): string | undefined {
  const { length } = stepPlaces(of);
  if (length <= LIMITS.stepsAtOnce) return undefined;
  return `This stage has ${length} steps. ${AT_ONCE} Take chains out of functions/chains/index.ts and deploy, until ${LIMITS.stepsAtOnce} steps are left; then destroy.`;
}

const AT_ONCE = `CloudFormation creates, changes or deletes ${CEILINGS.resourcesAtOnce.most} resources at once, which is ${LIMITS.stepsAtOnce} steps.`;

function linesOf({ messages, gone, changed }: Losses): readonly string[] {
  return [
    ...gone.map((one) => `${one.chain} version ${one.version} goes, and is needed by ${openInWords(one)}`),
    ...changed.map(
      (one) => `${one.chain} version ${one.version} has other steps than ${openInWords(one)} began with`,
    ),
    ...messages.map(
      ({ chain, step, messages: waiting, deadLetters }) =>
        `${chain}, step ${step}: ${counted(waiting, 'message')} in its queue and ${counted(deadLetters, 'dead letter')}`,
    ),
  ];
}

/** @example '2 workflows that are processing and 1 that failed and can be resumed (wf_…, wf_…, wf_…)' */
export function openInWords(version: OpenVersion): string {
  const words = OPEN_STATUSES.flatMap((status) => {
    const count = version[status];
    return count === 0 ? [] : [`${counted(count, 'workflow')} that ${WORDS[status](count)}`];
  });
  const all = OPEN_STATUSES.reduce((sum, status) => sum + version[status], 0);
  const { examples } = version;
  return `${words.join(' and ')} (${examples.join(', ')}${all > examples.length ? ', …' : ''})`;
}

const WORDS: Readonly<Record<OpenStatus, (count: number) => string>> = {
  processing: (count) => `${areOf(count)} processing`,
  failed: () => 'failed and can be resumed',
  compensating: (count) => `${areOf(count)} taken back`,
  compensation_failed: () => 'could not be taken back and can be resumed',
};

const areOf = (count: number): string => (count === 1 ? 'is' : 'are');

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

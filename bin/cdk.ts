import { chains } from '../functions/chains/index.ts';
import { EXECUTIONS_CONTEXT, RESERVE_CONTEXT } from '../lib/cdk/app.ts';
import { SettingsError, stageName } from '../lib/cdk/settings.ts';
import { DefinitionError } from '../lib/chain/definition-error.ts';
import type { SettledStage } from '../lib/contract/names.ts';
import { reservePlan } from './account.ts';
import { comparedWithLock, refusalOfLock } from './locked.ts';
import { LOSSES_CONTEXT, refuseLosses, tooManyToDestroy } from './losses.ts';
import { confirmLink, lookWhoHears } from './on-call.ts';
import { runCdk } from './run-cdk.ts';
import { refuseWithoutSecrets, SECRETS_CONTEXT } from './secrets.ts';

/*
 * npm run deploy | diff | destroy -- --stage dev [options of the CDK CLI]
 * npm run deploy -- confirm <link of a mail by AWS Notifications>
 */

const COMMANDS = ['deploy', 'diff', 'destroy'] as const;
type Command = (typeof COMMANDS)[number];

interface Request {
  readonly command: Command;
  readonly stage: SettledStage;
  /** What the CDK CLI is given as it is. */
  readonly rest: readonly string[];
}

/** Errors: `SettingsError`, which says how the command is called. */
function readArguments([name, ...words]: readonly string[]): Request {
  const command = COMMANDS.find((known) => known === name);
  if (command === undefined) throw new SettingsError(`Write one of: npm run ${COMMANDS.join(', npm run ')}.`);
  const usage = `Write: npm run ${command} -- --stage dev`;
  const at = words.findIndex((word) => word === '--stage' || word.startsWith('--stage='));
  const word = words[at];
  if (word === undefined) throw new SettingsError(`No stage is given. ${usage}`);
  const joined = word.startsWith('--stage=');
  const stage = stageName(joined ? word.slice('--stage='.length) : words[at + 1]);
  const rest = [...words.slice(0, at), ...words.slice(at + (joined ? 1 : 2))];
  if (rest.some((other) => /(^|=)stage=|^--stage/.test(other))) {
    throw new SettingsError(`The stage is given twice. ${usage}`);
  }
  if (command === 'destroy' && stage === 'prod') {
    throw new SettingsError(
      'npm run destroy does not remove prod: its workflows are records. To remove it all the same, switch off the termination protection of the stack in CloudFormation, and delete it there.',
    );
  }
  return { command, stage, rest };
}

/** Whether the command itself gives this context, as `-c name=value` or `--context=name=value`. */
const gives = ({ rest }: Request, name: string, value = ''): boolean =>
  rest.some((word) => new RegExp(`(^|=)${name}=${value}`).test(word));

const tell = (lines: readonly string[]): void => {
  for (const line of lines) process.stderr.write(`stepline: ${line}\n`);
};

/** What the app is told of the account. A diff finds it out by itself, and may do without. */
async function reserveOf(request: Request): Promise<readonly string[]> {
  const { name, made, none } = RESERVE_CONTEXT;
  if (request.command === 'diff' || gives(request, name)) return [];
  if (request.command === 'destroy') return ['-c', `${name}=${none}`];
  const plan = await reservePlan(request.stage);
  tell(plan.says);
  return ['-c', `${name}=${plan.made ? made : none}`, '-c', `${EXECUTIONS_CONTEXT}=${plan.executions}`];
}

/** Before a deployment: is all there that it needs, and does it take away nothing that is needed? Before a removal: can it be done at once? */
async function look(request: Request): Promise<void> {
  const tooMany = request.command === 'destroy' ? tooManyToDestroy(chains) : undefined;
  if (tooMany !== undefined) throw new SettingsError(tooMany);
  if (request.command !== 'deploy') return;
  const unlocked = refusalOfLock(comparedWithLock(chains));
  if (unlocked !== undefined) throw new SettingsError(unlocked);
  const { name, unchecked } = SECRETS_CONTEXT;
  if (!gives(request, name, unchecked)) await refuseWithoutSecrets(request.stage);
  if (gives(request, LOSSES_CONTEXT.name, LOSSES_CONTEXT.accepted)) return;
  tell(await refuseLosses(request.stage));
}

try {
  const [name, second, ...words] = process.argv.slice(2);
  if (name === 'deploy' && second === 'confirm') await confirmLink(words);
  else process.exitCode = await run(readArguments(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof SettingsError || error instanceof DefinitionError)) throw error;
  process.stderr.write(`stepline: ${error.message}\n`);
  process.exitCode = 2;
}

async function run(request: Request): Promise<number> {
  await look(request);
  const { command, stage, rest } = request;
  // The secrets are looked for here, or not at all.
  const unchecked = `${SECRETS_CONTEXT.name}=${SECRETS_CONTEXT.unchecked}`;
  const reserve = await reserveOf(request);
  const code = await runCdk([command, '-c', `stage=${stage}`, '-c', unchecked, ...reserve, ...rest]);
  const isDeployed = command === 'deploy' && code === 0 && !rest.includes('--help');
  return isDeployed ? await lookWhoHears(stage) : code;
}

import { chains } from '../../functions/chains/index.ts';
import { startDemoTargets } from '../../lib/local/demo/targets.ts';
import { sampleCurl } from '../../lib/local/sample.ts';
import { bootstrap, type Deployment, deploy } from './deployment/deployment.ts';
import { startMiniStack } from './ministack/ministack.ts';
import { installMiniStack, whyNoMiniStack } from './ministack/python.ts';

/*
 * npm run local:aws: the deployed stage `dev` on an emulator, with demo targets, until Ctrl-C.
 */

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function main(): Promise<void> {
  const why = whyNoMiniStack();
  if (why !== undefined) throw new Error(`${why}: the emulator of AWS needs it`);
  say('Installing MiniStack, an emulator of AWS, into .venv (once) …');
  installMiniStack();
  const demo = await startDemoTargets({ ports: { first: 3001 } });
  const aws = await startMiniStack();
  const stop = async (): Promise<void> => {
    await aws.stop();
    await demo.close();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
  const baseUrls = Object.entries(demo.targets).map(([name, { baseUrl }]) => [name, baseUrl]);
  const what: Deployment = {
    targets: Object.fromEntries(baseUrls),
    authorization: { type: 'iam' },
    listed: true,
  };
  say('cdk bootstrap …');
  await bootstrap(aws, what);
  say('cdk deploy -c stage=dev …');
  const { apiUrl } = await deploy(aws, what);
  const { host } = new URL(apiUrl);
  say(`\nThe stage dev is deployed to ${aws.endpoint}. Its API: ${apiUrl}`);
  for (const { name, start } of chains) say(`  ${name.padEnd(18)} POST ${start}`);
  say('\nEvery request is signed, as on AWS:');
  const curl = sampleCurl(aws.endpoint).replace(/^curl -s/, `curl ${SIGNED} -H 'Host: ${host}'`);
  say(`  ${curl}`);
  say(`  curl ${SIGNED} -H 'Host: ${host}' ${aws.endpoint}/api/workflows`);
  say('\nDemo targets:');
  say(`  see what they did   curl -s ${demo.admin.url}/ledger`);
  say(`  break one           curl -s -X PUT ${demo.admin.url}/faults/shipping -d '{"status":503}'`);
  say('\nAny AWS tool finds it with:');
  for (const [name, value] of Object.entries(aws.env)) if (value !== '') say(`  export ${name}=${value}`);
  say('\nCtrl-C removes it.');
}

const SIGNED = `-s --aws-sigv4 aws:amz:us-east-1:execute-api --user test:test`;

main().catch((error: unknown) => {
  process.stderr.write(`stepline: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});

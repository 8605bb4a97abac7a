import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Runs the CDK CLI of this project with this process's input and output; answers its exit code. */
export async function runCdk(
  words: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const cdk = join(dirname(createRequire(import.meta.url).resolve('aws-cdk/package.json')), 'bin/cdk');
  const child = spawn(process.execPath, [cdk, ...words], { stdio: 'inherit', env });
  await once(child, 'exit');
  return child.exitCode ?? 1;
}

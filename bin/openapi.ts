import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chains } from '#chains';
import { DefinitionError } from '../lib/chain/definition-error.ts';
import { registry } from '../lib/chain/registry.ts';
import { messageOf } from '../lib/engine/errors.ts';
import { openApi } from '../lib/openapi/document.ts';

/*
 * npm run --silent openapi, or npm run openapi -- --out openapi.json: what the API of the listed chains takes and answers.
 */

const USAGE = 'Write: npm run --silent openapi, or: npm run openapi -- --out openapi.json';

function refuse(message: string): void {
  process.stderr.write(`stepline: ${message}\n`);
  process.exitCode = 2;
}

/** The file to write; undefined for standard output. Errors: for any other option. */
const fileAsked = (): string | undefined => parseArgs({ options: { out: { type: 'string' } } }).values.out;

function tell(file: string | undefined): void {
  const text = `${JSON.stringify(openApi(registry(chains)), null, 2)}\n`;
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    writeFileSync(file, text);
  } catch (error) {
    refuse(`${messageOf(error)}. Name a file that can be written.`);
    return;
  }
  process.stdout.write(`${file} describes the API.\n`);
}

function main(): void {
  let file: string | undefined;
  try {
    file = fileAsked();
  } catch (error) {
    refuse(`${messageOf(error)}. ${USAGE}`);
    return;
  }
  try {
    tell(file);
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error;
    refuse(error.message);
  }
}

main();

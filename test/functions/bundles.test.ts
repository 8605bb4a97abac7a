import { beforeAll, describe, expect, it } from 'vitest';
import { bundledSources, CHAINS, FUNCTIONS, type FunctionName } from './deployment.ts';

let sourcesOf: (name: FunctionName) => readonly string[];
beforeAll(async () => {
  sourcesOf = await bundledSources();
}, 60_000);

const CLIENTS = ['dynamodb', 'sqs', 'sns', 'secrets-manager', 'ssm'] as const;
/** What a function uses beside the table and the queues. */
const MORE_CLIENTS: Partial<Record<FunctionName, readonly string[]>> = {
  step: ['secrets-manager', 'ssm'],
  'step-failed': ['sns'],
  reconciler: ['sns'],
};
const clientsIn = (name: FunctionName): readonly string[] =>
  CLIENTS.filter((client) =>
    sourcesOf(name).some((path) => path.includes(`node_modules/@aws-sdk/client-${client}/`)),
  );

describe.each(FUNCTIONS)('the bundle of %s', (name) => {
  it('holds the SDK clients that it uses, and no other', () => {
    expect(clientsIn(name)).toEqual(['dynamodb', 'sqs', ...(MORE_CLIENTS[name] ?? [])]);
  });

  it('holds the on-call topic only where it is told', () => {
    expect(sourcesOf(name).includes('lib/adapters/sns-notifier.ts')).toBe(
      name === 'step-failed' || name === 'reconciler',
    );
  });

  it('reads secrets only where targets are called', () => {
    const reading = sourcesOf(name).filter((path) =>
      /adapters\/targets\/stores|\/parameters\/.*Provider\.js$/.test(path),
    );
    expect(reading.length > 0).toBe(name === 'step');
  });

  it('holds an HTTP client only where targets are called', () => {
    for (const path of ['lib/adapters/http/client.ts', 'lib/adapters/http/exchange.ts']) {
      expect(sourcesOf(name).includes(path)).toBe(name === 'step');
    }
  });

  it('holds nothing that speaks to a proxy, where the stage has none', () => {
    const speaking =
      /node_modules\/(https-proxy-agent|agent-base|debug)\/|(http|contract)\/(proxy|tunnels)\.ts$/;
    expect(sourcesOf(name).filter((path) => speaking.test(path))).toEqual([]);
  });

  it('holds nothing of the one-process engine, the infrastructure or the tests', () => {
    const foreign =
      /^(bin|test|lib\/(local|cdk|ops|console))\/|node_modules\/(aws-cdk|classic-level|memory-level)/;
    expect(sourcesOf(name).filter((path) => foreign.test(path) && path !== CHAINS)).toEqual([]);
  });

  it('holds its own entry, the composition and the chains', () => {
    expect(sourcesOf(name)).toEqual(
      expect.arrayContaining([`functions/${name}.ts`, 'functions/compose.ts', CHAINS]),
    );
  });
});

it('only the step function holds the worker', () => {
  for (const name of FUNCTIONS) {
    expect(sourcesOf(name).includes('lib/engine/worker.ts')).toBe(name === 'step');
  }
});

it('what writes a multipart body is only where a chain sends one', () => {
  for (const name of FUNCTIONS) {
    expect(sourcesOf(name)).toContain('lib/chain/request/body.ts');
    expect(sourcesOf(name)).not.toContain('lib/chain/request/multipart.ts');
    expect(sourcesOf(name)).not.toContain('lib/chain/request/form.ts');
  }
});

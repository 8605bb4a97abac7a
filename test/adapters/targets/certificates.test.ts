import { expect, it } from 'vitest';
import { TLS_CERTIFICATE } from '../../support/tls-fixture.ts';
import { inStore, sentBy, testDesk } from './desk.ts';

const settings = (tls: object) => ({ bank: { baseUrl: 'https://bank.example', tls } });

it('certificates go with every request, as they are in the settings or the store', async () => {
  const desk = testDesk({ ca: `${TLS_CERTIFICATE}\n` });
  for (const ca of [inStore('ca'), TLS_CERTIFICATE]) {
    const { sent } = await sentBy(desk.targets(settings({ ca })), 'bank', {});
    expect(sent.tls?.ca?.trim()).toBe(TLS_CERTIFICATE.trim());
  }
});

it('certificates that cannot be read fail the step until somebody mends them, who resumes at once', async () => {
  const desk = testDesk({ ca: '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----' });
  const targets = desk.targets(settings({ ca: inStore('ca') }));
  await expect(Promise.resolve().then(() => targets.resolve('bank'))).rejects.toMatchObject({
    code: 'TARGET_MISSING',
    message: expect.stringMatching(/^the certificates of target "bank": .*ca/),
    next: 'Correct tls in the settings of the target, or its secrets.',
  });
  desk.secrets.ca = TLS_CERTIFICATE;
  expect((await sentBy(targets, 'bank', {})).sent.tls).toBeDefined();
});

it('a certificate that was rotated is news to a target that refuses the old one', async () => {
  const desk = testDesk({ ca: TLS_CERTIFICATE });
  const { renewed } = await desk.targets(settings({ ca: inStore('ca') })).resolve('bank');
  desk.now += 10_000;
  desk.secrets.ca = `${TLS_CERTIFICATE}\n${TLS_CERTIFICATE}`;
  expect(await renewed?.(403)).toBeDefined();
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { complaints } from './report.ts';
import { soak } from './soak.ts';
import { ALL_KINDS, drawRates } from './weather.ts';

const SEED = 7;
const SECONDS = 20;
const KILLS = 5;

it('a short soak: killed again and again under faults, the server loses nothing and does nothing twice', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stepline-soak-'));
  const result = await soak({
    ...{ minutes: SECONDS / 60, seed: SEED, rate: 15, directory },
    enough: new AbortController(),
    impatient: new AbortController(),
    progress: () => undefined,
  });
  expect(complaints(result), `kept in ${directory}`).toEqual([]);
  expect(result.deaths.kills + result.deaths.impatient).toBeGreaterThanOrEqual(KILLS);
  expect(result.accepted.filter(({ shown }) => shown?.status === 'completed').length).toBeGreaterThan(20);
  // Without faults at the targets nothing would fail, and nothing be resumed; without kills no start be sent again.
  const { cancels, resumes, sentAgain } = result.book.counts;
  for (const [name, count] of Object.entries({ cancels, resumes, sentAgain })) {
    expect(count, name).toBeGreaterThan(0);
  }
  await rm(directory, { recursive: true });
}, 300_000);

it('one seed draws the same rates, and another one others', () => {
  expect(drawRates(SEED)).toEqual(drawRates(SEED));
  expect(drawRates(SEED)).not.toEqual(drawRates(SEED + 1));
  for (const { shares } of drawRates(SEED).values()) expect([...shares.keys()]).toEqual([...ALL_KINDS]);
});

import { describe, expect, it } from 'vitest';
import type { Pace, Store } from '../../../lib/engine/ports.ts';
import { START } from './fixtures.ts';

const paceOf = (version: number, changes: Partial<Pace> = {}): Pace => ({
  version,
  nextAt: START + version * 1_000,
  windows: [{ group: 'orders/payment/REFUSED', head: `wf_${version}:0:failed`, until: START + 300_000 }],
  ...changes,
});

/** The one item by which all functions keep the pace at which on-call is told. */
export function paceContract(store: () => Store): void {
  describe('the pace', () => {
    it('is not there before it was written, and then is what was written', async () => {
      expect(await store().loadPace()).toBeUndefined();
      for (const pace of [paceOf(1), paceOf(2, { windows: [] }), paceOf(3, { nextAt: 0.5 })]) {
        expect(await store().writePace(pace, pace.version - 1)).toStrictEqual({ written: true });
        expect(await store().loadPace()).toStrictEqual(pace);
      }
    });

    it('is written only over the version that it was decided from, and shows the one that is there', async () => {
      expect(await store().writePace(paceOf(2), 1)).toStrictEqual({ written: false, current: undefined });
      await store().writePace(paceOf(1), 0);
      for (const expected of [0, 2]) {
        const refused = await store().writePace(paceOf(expected + 1, { nextAt: 1 }), expected);
        expect(refused).toStrictEqual({ written: false, current: paceOf(1) });
      }
      expect(await store().loadPace()).toStrictEqual(paceOf(1));
    });

    it('lets exactly one of twenty win that want the same turn, and shows it to the others', async () => {
      const wanted = Array.from({ length: 20 }, (_, n) => paceOf(1, { nextAt: START + n }));
      const written = await Promise.all(wanted.map((pace) => store().writePace(pace, 0)));
      const winners = wanted.filter((_, n) => written[n]?.written);
      expect(winners).toHaveLength(1);
      for (const loser of written.filter((one) => !one.written))
        expect(loser).toStrictEqual({ written: false, current: winners[0] });
    });

    it('is no workflow: neither listed nor due', async () => {
      await store().writePace(paceOf(1), 0);
      expect((await store().list({ tenant: 'on-call', limit: 10 })).workflows).toStrictEqual([]);
      expect(await store().listDue(0, START + 1_000_000, 10)).toStrictEqual([]);
    });
  });
}

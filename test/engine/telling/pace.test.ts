import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { closedUntil, NEW_PACE, type Teller, turnOf } from '../../../lib/engine/telling/pace.ts';

const NOW = 1_790_000_000_000;
const WINDOW = LIMITS.digestWindow * 1_000;
const SECOND = LIMITS.publishInterval * 1_000;
const LATEST = NOW + 10_000;

const GRACE = LIMITS.digestGrace * 1_000;
const wanted = (head: string, by: Teller = 'all', group = 'g') => ({ group, head, by });

const opened = (pace = NEW_PACE, group = 'g', head = 'first', now = NOW) => {
  const turn = turnOf(pace, { group, head, by: 'first' }, now, now + 10_000);
  if (turn.do !== 'tell') throw new Error('there is no turn');
  return turn;
};

describe('the turn to tell of a group', () => {
  it('is now where nobody was told anything', () => {
    expect(opened()).toEqual({
      do: 'tell',
      at: NOW,
      pace: {
        version: 1,
        nextAt: NOW + SECOND,
        windows: [{ group: 'g', head: 'first', until: NOW + WINDOW }],
      },
    });
  });

  it('is nobody else’s for five minutes, to the millisecond', () => {
    const { pace } = opened();
    const until = NOW + WINDOW;
    expect(closedUntil(pace, wanted('second'), until - 1)).toBe(until);
    expect(turnOf(pace, wanted('second'), until - 1, until + 10_000)).toEqual({ do: 'wait', until });
    expect(closedUntil(pace, wanted('second'), until)).toBeUndefined();
    expect(turnOf(pace, wanted('second'), until, until)).toMatchObject({ do: 'tell', at: until });
  });

  it('is then for three minutes only for whoever tells of all that have waited', () => {
    const { pace } = opened();
    const until = NOW + WINDOW;
    expect(closedUntil(pace, wanted('second', 'first'), until)).toBe(until);
    expect(closedUntil(pace, wanted('second', 'first'), until + GRACE - 1)).toBe(until + GRACE - 1);
    expect(closedUntil(pace, wanted('second', 'first'), until + GRACE)).toBeUndefined();
    // Another group does not forget it meanwhile.
    const other = opened(pace, 'other', 'other', until + GRACE - 1).pace;
    expect(other.windows.map(({ group }) => group)).toEqual(['g', 'other']);
    expect(opened(pace, 'other', 'other', until + GRACE).pace.windows.map(({ group }) => group)).toEqual([
      'other',
    ]);
  });

  it('comes again at once, at the pace, for whoever holds it: it repeats its digest', () => {
    const { pace } = opened();
    expect(closedUntil(pace, wanted('first'), NOW + 1)).toBeUndefined();
    const again = opened(pace, 'g', 'first', NOW + 1);
    expect(again.at).toBe(NOW + SECOND);
    expect(again.pace.windows).toEqual([{ group: 'g', head: 'first', until: NOW + SECOND + WINDOW }]);
  });

  it('comes one second after another for groups that want it at the same time', () => {
    let pace = NEW_PACE;
    const times = ['a', 'b', 'c', 'd'].map((group) => {
      const turn = opened(pace, group, group);
      pace = turn.pace;
      return turn.at - NOW;
    });
    expect(times).toEqual([0, SECOND, 2 * SECOND, 3 * SECOND]);
  });

  it('is none where it would come too late', () => {
    const busy = { ...NEW_PACE, nextAt: LATEST + 1 };
    expect(turnOf(busy, wanted('first'), NOW, LATEST)).toEqual({ do: 'wait', until: LATEST + 1 });
    expect(turnOf({ ...busy, nextAt: LATEST }, wanted('first'), NOW, LATEST)).toMatchObject({ at: LATEST });
  });

  it('forgets windows that are over, so that the item holds at most those of eight minutes', () => {
    let pace = NEW_PACE;
    let now = NOW;
    for (let group = 0; group < 1_000; group += 1) {
      const turn = opened(pace, `order-processing/payment-${group}/CONNECTION_BROKEN`, `${group}`, now);
      pace = turn.pace;
      now = turn.at + 1;
    }
    expect(pace.windows.length).toBeLessThanOrEqual(
      1 + (LIMITS.digestWindow + LIMITS.digestGrace) / LIMITS.publishInterval,
    );
    expect(JSON.stringify(pace).length).toBeLessThan(64 * 1_024);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSchedule, type Scheduled } from '../../../lib/local/queue/schedule.ts';

type Act =
  | { readonly do: 'add'; readonly at: number }
  | { readonly do: 'takeFirst' }
  /** Removes, or moves, one of all that were ever added. */
  | { readonly do: 'remove' | 'move'; readonly which: number; readonly at: number };

const at = fc.integer({ min: 0, max: 100 });
const which = fc.nat();
const acts = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), at }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('takeFirst' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('remove' as const, 'move' as const), which, at }),
    },
  ),
  { minLength: 50, maxLength: 200 },
);

const item = (time: number): Scheduled => ({ at: time, place: -1 });

/** Takes everything out, soonest first. */
function drain(schedule: ReturnType<typeof createSchedule>): number[] {
  const times: number[] = [];
  for (let first = schedule.first(); first !== undefined; first = schedule.first()) {
    times.push(first.at);
    schedule.remove(first);
  }
  return times;
}

describe('a schedule', () => {
  it('has the soonest item first, whatever is added, moved and removed', () => {
    fc.assert(
      fc.property(acts, (run) => {
        const schedule = createSchedule();
        const all: Scheduled[] = [];
        const inside = new Set<Scheduled>();
        for (const act of run) carryOut(act, schedule, all, inside);
        const times = [...inside].map((one) => one.at);
        expect(drain(schedule)).toEqual(times.sort((a, b) => a - b));
        for (const one of all) expect(one.place).toBe(-1);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves an item alone that is not in it', () => {
    const schedule = createSchedule();
    const stranger = item(1);
    const impostor = { at: 1, place: 0 };
    const member = item(2);
    schedule.add(member);
    schedule.remove(stranger);
    schedule.remove(impostor);
    expect(schedule.first()).toBe(member);
    schedule.remove(member);
    schedule.remove(member);
    expect(schedule.first()).toBeUndefined();
  });
});

function carryOut(
  act: Act,
  schedule: ReturnType<typeof createSchedule>,
  all: Scheduled[],
  inside: Set<Scheduled>,
): void {
  const chosen =
    act.do === 'takeFirst' ? schedule.first() : act.do === 'add' ? item(act.at) : all[act.which % all.length];
  if (act.do === 'add' && chosen !== undefined) all.push(chosen);
  if (chosen === undefined) return;
  if (act.do !== 'add') schedule.remove(chosen);
  inside.delete(chosen);
  if (act.do === 'move') chosen.at = act.at;
  if (act.do === 'move' || act.do === 'add') {
    schedule.add(chosen);
    inside.add(chosen);
  }
  const soonest = Math.min(...[...inside].map((one) => one.at));
  expect(schedule.first()?.at ?? Number.POSITIVE_INFINITY).toBe(soonest);
}

import { describe, expect, it } from 'vitest';
import { ALARM_KINDS, type AlarmName } from '../../../lib/cdk/monitoring/alarms/kinds.ts';
import { STAGE_NAMES } from '../../../lib/contract/names.ts';
import { synthesized } from '../synth.ts';
import { LEAN_STAND_INS, TRIALS } from './figures.ts';
import { evaluate } from './metric-math.ts';
import { type AlarmProperties, alarmsOf, kindOf } from './monitored.ts';
import { sounds } from './sounding.ts';

const stages = await Promise.all(STAGE_NAMES.map((stage) => synthesized(stage)));
const all = stages.flatMap(alarmsOf);
const lean = alarmsOf(await synthesized('staging'));

const isKind = (name: string): name is AlarmName => Object.hasOwn(ALARM_KINDS, name);

/** Alarms of a kind that differ by more than what they are about, in whatever stage and step. */
function distinct(kind: AlarmName): readonly AlarmProperties[] {
  const ways = new Map<string, AlarmProperties>();
  for (const alarm of all.filter((one) => kindOf(one) === kind)) {
    const {
      AlarmName: _,
      AlarmDescription: __,
      AlarmActions: ___,
      OKActions: ____,
      Tags: _____,
      ...rest
    } = alarm;
    ways.set(JSON.stringify(rest).replace(/stepline_[\w-]+|"Dimensions":\[.*?\]/g, ''), alarm);
  }
  return [...ways.values()];
}

describe('every alarm of every stage', () => {
  it('is tried: it has figures of its fault and of health', () => {
    expect(all.length).toBeGreaterThan(100);
    for (const alarm of all) {
      const kind = kindOf(alarm);
      expect(isKind(kind), alarm.AlarmName).toBe(true);
      if (!isKind(kind)) continue;
      expect(Object.keys(TRIALS[kind].faults).length, kind).toBeGreaterThan(0);
      expect(Object.keys(TRIALS[kind].healthy).length, kind).toBeGreaterThan(0);
      expect(distinct(kind).length, kind).toBeGreaterThan(0);
    }
  });
});

describe.each(Object.keys(ALARM_KINDS).filter(isKind))('%s', (kind) => {
  it.each(Object.entries(TRIALS[kind].faults))('sounds where %s', (_, figures) => {
    for (const alarm of distinct(kind)) expect(sounds(alarm, figures), alarm.AlarmName).toBe(true);
  });

  it.each(Object.entries(TRIALS[kind].healthy))('does not sound where %s', (_, figures) => {
    for (const alarm of distinct(kind)) expect(sounds(alarm, figures), alarm.AlarmName).toBe(false);
  });
});

describe('a lean stage', () => {
  const kinds = new Set(lean.map(kindOf));
  const without = Object.keys(ALARM_KINDS).filter((kind) => isKind(kind) && !kinds.has(kind));

  it('has stand-ins for every kind of alarm that it has not, and for no other', () => {
    expect(Object.keys(LEAN_STAND_INS).sort()).toEqual(without.sort());
  });

  it.each(
    Object.entries(LEAN_STAND_INS).flatMap(([kind, faults]) =>
      Object.entries(faults).map(([fault, standIn]) => [kind, fault, standIn] as const),
    ),
  )('tells what %s would tell where %s', (_, _fault, { kind, figures }) => {
    const sounding = lean.filter((alarm) => kindOf(alarm) === kind);
    expect(sounding.length).toBeGreaterThan(0);
    for (const alarm of sounding) expect(sounds(alarm, figures), alarm.AlarmName).toBe(true);
  });
});

describe('metric math', () => {
  const calculated = (expression: string, a: number | undefined, b: number | undefined = undefined) =>
    evaluate(
      expression,
      new Map([
        ['a', [a]],
        ['b', [b]],
      ]),
      1,
    )[0];

  it.each<readonly [string, number | undefined, number | undefined, number | undefined]>([
    ['a + b * 2 - 1', 3, 4, 10],
    ['(a + b) / 2', 3, 4, 3.5],
    ['a / b', 1, 0, undefined],
    ['a - b', 1, undefined, undefined],
    ['IF(a >= 3 AND 2 * a > b, 1, 0)', 3, 6, 0],
    ['IF(a >= 3 AND 2 * a > b, 1, 0)', 3, 5, 1],
    ['IF(a >= 3 OR b < 1, 7, 8)', 2, 0, 7],
    ['IF(a > 1, 1, 0)', undefined, undefined, undefined],
    // A metric that has no point at all has nothing to fill.
    ['FILL(a, 0)', undefined, undefined, undefined],
    ['SUM([FILL(a, 0), FILL(b, 0)])', undefined, 4, 4],
    ['SUM([a, b])', undefined, undefined, undefined],
  ])('of %s with %s and %s is %s', (expression, a, b, expected) => {
    expect(calculated(expression, a, b)).toBe(expected);
  });

  it('fills the gaps of a metric', () => {
    expect(evaluate('FILL(a, 0)', new Map([['a', [1, undefined, 2]]]), 3)).toEqual([1, 0, 2]);
  });

  it.each(['c', 'RATE(a)', 'a +', 'a b', 'SUM([a, b)', 'a ? b'])(
    'refuses %s, which it does not know',
    (wrong) => {
      expect(() => calculated(wrong, 1, 1)).toThrow();
    },
  );
});

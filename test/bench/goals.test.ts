import { expect, it } from 'vitest';
import { type Goal, goalTable, isReached } from './goals.ts';

const atLeast = (measured: number): Goal => ({ label: 'orders a second', measured, kind: 'least', bound: 6 });
const atMost = (measured: number): Goal => ({ label: 'memory, MB', measured, kind: 'most', bound: 150 });

it.each([
  ['at least 6', atLeast(6), true],
  ['at least 6', atLeast(5.99), false],
  ['at most 150', atMost(150), true],
  ['at most 150', atMost(150.01), false],
])('a goal of %s is judged at its bound', (_, goal, reached) => {
  expect(isReached(goal)).toBe(reached);
});

it('a goal that is missed is seen in the table', () => {
  const [, first, second] = goalTable([atLeast(7), atMost(200)]).split('\n');
  expect(first).toMatch(/^orders a second +7\.00 +>= 6 +yes$/);
  expect(second).toMatch(/^memory, MB +200\.00 +<= 150 +no$/);
});

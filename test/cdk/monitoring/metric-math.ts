/*
 * As much of CloudWatch's metric math as our alarms use, point by point. A point that a metric does not have is undefined, and so is
 * what is calculated with it; a division by zero has no point either. FILL fills gaps of a metric that has points at all. SUM adds up
 * what is there. Source: Amazon CloudWatch User Guide, "Using math expressions with CloudWatch metrics".
 */

type Point = number | undefined;
/** The points of a metric at the looks of an alarm. */
export type Series = readonly Point[];

const TOKEN = /\s*(?:(?<number>\d+(?:\.\d+)?)|(?<name>[A-Za-z_]\w*)|(?<sign>>=|<=|==|!=|[-+*/()<>,[\]]))/y;

function tokensOf(expression: string): readonly string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const [, ...parts] = TOKEN.exec(expression) ?? [];
    const token = parts.find((part) => part !== undefined);
    if (token === undefined) throw new Error(`cannot read "${expression.slice(at)}"`);
    tokens.push(token);
  }
  return tokens;
}

const pointwise = (one: Series, other: Series, calculate: (a: number, b: number) => Point): Series =>
  one.map((a, at) => {
    const b = other[at];
    const point = a === undefined || b === undefined ? undefined : calculate(a, b);
    return point !== undefined && Number.isFinite(point) ? point : undefined;
  });

/** From the one that binds least; those of one line bind alike, and take their left side first. */
const OPERATORS: readonly Readonly<Record<string, (a: number, b: number) => number>>[] = [
  { OR: (a, b) => Number(a !== 0 || b !== 0) },
  { AND: (a, b) => Number(a !== 0 && b !== 0) },
  {
    '>=': (a, b) => Number(a >= b),
    '<=': (a, b) => Number(a <= b),
    '==': (a, b) => Number(a === b),
    '!=': (a, b) => Number(a !== b),
    '>': (a, b) => Number(a > b),
    '<': (a, b) => Number(a < b),
  },
  { '+': (a, b) => a + b, '-': (a, b) => a - b },
  { '*': (a, b) => a * b, '/': (a, b) => a / b },
];

const FUNCTIONS: Readonly<Record<string, (args: readonly (readonly Series[])[]) => Series>> = {
  IF: ([[condition = []] = [], [yes = []] = [], [no = []] = []]) =>
    condition.map((point, at) => (point === undefined ? undefined : point !== 0 ? yes[at] : no[at])),
  FILL: ([[series = []] = [], [filling = []] = []]) =>
    series.every((point) => point === undefined) ? series : series.map((point, at) => point ?? filling[at]),
  SUM: ([list = []]) =>
    (list[0] ?? []).map((_, at) => {
      const points = list.map((series) => series[at]).filter((point) => point !== undefined);
      return points.length === 0 ? undefined : points.reduce((sum, point) => sum + point, 0);
    }),
};

/**
 * The points of an expression. Errors: throws for anything that it does not know, so that no alarm uses it unseen.
 * @example evaluate('IF(errors >= 3, errors / requests, 0)', new Map([['errors', [3]], ['requests', [6]]]), 1) // [0.5]
 */
export function evaluate(expression: string, metrics: ReadonlyMap<string, Series>, looks: number): Series {
  const tokens = [...tokensOf(expression)];
  const expect = (wanted: string): void => {
    const found = tokens.shift();
    if (found !== wanted) throw new Error(`"${wanted}" is missing before "${found}" in ${expression}`);
  };
  const list = (end: string): (readonly Series[])[] => {
    const all: (readonly Series[])[] = [];
    while (tokens[0] !== end) {
      if (all.length > 0) expect(',');
      all.push(tokens[0] === '[' ? array() : [side(0)]);
    }
    expect(end);
    return all;
  };
  const array = (): readonly Series[] => {
    expect('[');
    return list(']').flat();
  };
  const term = (): Series => {
    const token = tokens.shift() ?? '';
    if (token === '(') {
      const inner = side(0);
      expect(')');
      return inner;
    }
    if (/^\d/.test(token)) return Array.from({ length: looks }, () => Number(token));
    if (tokens[0] !== '(') {
      const series = metrics.get(token);
      if (series === undefined) throw new Error(`there is no metric "${token}" for ${expression}`);
      return series;
    }
    const calculate = FUNCTIONS[token];
    if (calculate === undefined)
      throw new Error(`there is no function ${token} here: add it, as CloudWatch has it`);
    expect('(');
    return calculate(list(')'));
  };
  const side = (level: number): Series => {
    const operators = OPERATORS[level];
    if (operators === undefined) return term();
    let left = side(level + 1);
    for (let next = operators[tokens[0] ?? '']; next !== undefined; next = operators[tokens[0] ?? '']) {
      tokens.shift();
      left = pointwise(left, side(level + 1), next);
    }
    return left;
  };
  const result = side(0);
  if (tokens.length > 0) throw new Error(`"${tokens.join(' ')}" is left of ${expression}`);
  return result;
}

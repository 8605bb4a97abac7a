import { describe, expect, it } from 'vitest';
import { circlesIn, specifiersOf } from './imports.ts';

describe('what a file imports', () => {
  it.each([
    ['values', "import { a } from './a.ts';"],
    ['values over several lines', "import {\n  a,\n  type B,\n} from './a.ts';"],
    ['everything', "import * as a from './a.ts';"],
    ['the default', "import a, { b } from './a.ts';"],
    ['types alone', "import type { A } from './a.ts';"],
    ['nothing but effects', "import './a.ts';"],
    ['what it passes on', "export { a } from './a.ts';"],
    ['all that it passes on', "export * from './a.ts';"],
    ['types that it passes on', "export type { A } from './a.ts';"],
    ['at run time', "const a = await import('./a.ts');"],
    ['at run time, with a comment', "const a = await import(/* later */ './a.ts');"],
    ['a type where it is used', "let a: import('./a.ts').A;"],
    ['the type of a module', "let a: typeof import('./a.ts');"],
  ])('is seen where it imports %s', (_, source) => {
    expect(specifiersOf(`const before = 1;\n${source}\nconst after = 2;\n`)).toEqual(['./a.ts']);
  });

  it.each([
    ['a text that is exported', "export const from = './a.ts';"],
    ['a field of that name', "export interface Mail {\n  readonly from: './a.ts';\n}"],
    ['a comment', "// see import './a.ts'"],
    ['code within a text', "const code = `import { a } from './a.ts';`;"],
  ])('is not seen in %s', (_, source) => {
    expect(specifiersOf(source)).toEqual([]);
  });
});

describe('circles', () => {
  it('are none where nothing leads back', () => {
    const diamond = new Map([
      ['a', ['b', 'c']],
      ['b', ['d']],
      ['c', ['d', 'zod']],
      ['d', []],
    ]);
    expect(circlesIn(diamond)).toEqual([]);
  });

  it('are told as the path back to their start, without the way that leads there', () => {
    const graph = new Map([
      ['way', ['a']],
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['a']],
    ]);
    expect(circlesIn(graph)).toEqual(['a -> b -> c -> a']);
  });

  it('are found behind one another, and where a file imports itself', () => {
    const graph = new Map([
      ['a', ['b', 'c']],
      ['b', ['a']],
      ['c', ['c']],
    ]);
    expect(circlesIn(graph)).toEqual(['a -> b -> a', 'c -> c']);
  });
});

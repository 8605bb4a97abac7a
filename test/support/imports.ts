/** An import at the start of a line (of values, of types, for its effects), or what is passed on from another module. */
const STATIC = /^(?:import|export)\b(?:[^;'"`()=]*?\bfrom\s*|\s*)['"](?<named>[^'"]+)['"]/gm;
/** `import('…')`, as a value or as a type. */
const DYNAMIC = /\bimport\s*\(\s*(?:\/\*[^*]*\*\/\s*)?['"`](?<named>[^'"`]+)['"`]/g;

/**
 * The modules that a source file names, in whatever way it imports them.
 * @example specifiersOf("import type { Step } from './step.ts';") // ['./step.ts']
 */
export const specifiersOf = (source: string): readonly string[] =>
  [STATIC, DYNAMIC].flatMap((pattern) =>
    [...source.matchAll(pattern)].flatMap(({ groups }) => groups?.named ?? []),
  );

/**
 * Circles in a graph, each as the path that leads back to its start. A graph that has circles answers one at least.
 * @example circlesIn(new Map([['a', ['b']], ['b', ['a']]])) // ['a -> b -> a']
 */
export function circlesIn(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (node: string, path: readonly string[]): void => {
    const start = path.indexOf(node);
    if (start !== -1) circles.push([...path.slice(start), node].join(' -> '));
    if (start !== -1 || done.has(node)) return;
    for (const next of graph.get(node) ?? []) walk(next, [...path, node]);
    done.add(node);
  };
  for (const node of graph.keys()) walk(node, []);
  return circles;
}

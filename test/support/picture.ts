const NODE = /^(?<id>\w+)(?:\["(?<label>[^"]+)"\])?$/;
const ARROW = / (?:-->|-\.->) /;

/**
 * The arrows of the first Mermaid flowchart of a page, by the labels of its nodes. Boxes around nodes mean nothing.
 * Errors: an ordinary `Error` for a line that it cannot read.
 * @example arrowsOf('```mermaid\nflowchart LR\n  a["lib/a"] --> b & c\n```').get('lib/a') // ['b', 'c']
 */
export function arrowsOf(page: string): ReadonlyMap<string, readonly string[]> {
  const [, chart = ''] = /```mermaid\nflowchart \w+\n(.*?)```/s.exec(page) ?? [];
  const labels = new Map<string, string>();
  const edges: (readonly [string, string])[] = [];
  for (const line of chart.split('\n').map((one) => one.trim())) {
    if (line === '' || line === 'end' || line.startsWith('subgraph ')) continue;
    const groups = line.split(ARROW).map((side) => side.split(' & ').map((text) => nodeOf(text, line)));
    for (const { id, label } of groups.flat()) {
      if (label !== undefined || !labels.has(id)) labels.set(id, label ?? id);
    }
    for (const [at, from] of groups.slice(0, -1).entries()) {
      for (const one of from) for (const to of groups[at + 1] ?? []) edges.push([one.id, to.id]);
    }
  }
  const name = (id: string): string => labels.get(id) ?? id;
  return new Map(
    [...labels].map(([id, label]) => [
      label,
      edges.filter(([from]) => from === id).map(([, to]) => name(to)),
    ]),
  );
}

/** All that arrows lead to from `start`, one after another. */
export function reachedFrom(
  arrows: ReadonlyMap<string, readonly string[]>,
  start: string,
  seen = new Set<string>(),
): ReadonlySet<string> {
  for (const next of arrows.get(start) ?? []) {
    if (seen.has(next)) continue;
    seen.add(next);
    reachedFrom(arrows, next, seen);
  }
  return seen;
}

function nodeOf(text: string, line: string): { readonly id: string; readonly label: string | undefined } {
  const { id, label } = NODE.exec(text)?.groups ?? {};
  if (id === undefined) throw new Error(`not a node: ${text} in ${line}`);
  return { id, label };
}

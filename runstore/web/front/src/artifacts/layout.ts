/**
 * Where the nodes of a directed graph are drawn: in columns from left to right, edges as short and straight as they go.
 *
 * The layered method of Sugiyama, Tagawa and Toda (1981): edges that close a circle are turned around; each node goes
 * into the column behind the last of those that lead to it; edges over several columns get a bend in each; the order in
 * the columns is that of the neighbours' mean places, swept back and forth, of which the one with the fewest crossings
 * counts; heights are the least squares from the neighbours' means that keep order and distance.
 */

export type Edge = readonly [source: number, target: number];

export interface Layout {
  /** Column of each node, and its height in rows (not whole ones). */
  column: number[];
  row: number[];
  /** Of each edge the rows at which it passes the columns between its ends, from source to target. */
  bends: number[][];
  columns: number;
  rows: number;
}

const SWEEPS = 12;

interface Layered {
  column: number[];
  /** Of each node or bend those in the column before and behind that it is connected with. */
  before: number[][];
  behind: number[][];
  /** Of each edge its bends, from the left end to the right one. */
  bends: number[][];
  columns: number[][];
}

export function layout(count: number, edges: readonly Edge[]): Layout {
  const forward = acyclic(count, edges);
  const layered = withBends(columnsOf(count, forward), forward);
  const ordered = fewestCrossings(layered);
  const row = heights(ordered, layered);
  const rows = row.length ? Math.max(...row) + 1 : 0;
  return {
    column: layered.column.slice(0, count),
    row: row.slice(0, count),
    bends: edges.map(([source], place) => {
      const at = (layered.bends[place] ?? []).map((bend) => row[bend] ?? 0);
      return forward[place]?.[0] === source ? at : at.reverse();
    }),
    columns: ordered.length,
    rows,
  };
}

/** The same edges, those turned around that close a circle. */
export function acyclic(count: number, edges: readonly Edge[]): Edge[] {
  const out: number[][] = Array.from({ length: count }, () => []);
  edges.forEach(([source], place) => out[source]?.push(place));
  const state = new Array<number>(count).fill(0); // 1: on the way, 2: done
  const found: Edge[] = edges.map(([source, target]) => [source, target]);
  const incoming = new Set(edges.map(([, target]) => target));
  const starts = [...Array(count).keys()].sort((a, b) => Number(incoming.has(a)) - Number(incoming.has(b)));
  for (const start of starts) {
    const stack: [number, number][] = state[start] ? [] : [[start, 0]];
    state[start] ||= 1;
    while (stack.length) {
      const top = stack[stack.length - 1]!;
      const place = out[top[0]]?.[top[1]++];
      if (place === undefined) {
        state[top[0]] = 2;
        stack.pop();
        continue;
      }
      const target = edges[place]![1];
      if (state[target] === 1) found[place] = [target, edges[place]![0]];
      else if (!state[target]) {
        state[target] = 1;
        stack.push([target, 0]);
      }
    }
  }
  return found;
}

/** The column of each node: one behind the last that leads to it; those that nothing leads to as far right as they may. */
function columnsOf(count: number, edges: readonly Edge[]): number[] {
  const column = new Array<number>(count).fill(0);
  const waiting = new Array<number>(count).fill(0);
  const out: number[][] = Array.from({ length: count }, () => []);
  for (const [source, target] of edges) {
    if (source === target) continue;
    out[source]!.push(target);
    waiting[target]! += 1;
  }
  const hasBefore = waiting.map(Boolean);
  const ready = [...Array(count).keys()].filter((node) => !waiting[node]);
  for (let at = 0; at < ready.length; at += 1) {
    const node = ready[at]!;
    for (const target of out[node]!) {
      column[target] = Math.max(column[target]!, column[node]! + 1);
      if (!--waiting[target]!) ready.push(target);
    }
  }
  for (let node = 0; node < count; node += 1) {
    if (!hasBefore[node] && out[node]!.length) column[node] = Math.min(...out[node]!.map((target) => column[target]!)) - 1;
  }
  return column;
}

function withBends(column: number[], edges: readonly Edge[]): Layered {
  const all = [...column];
  const before: number[][] = column.map(() => []);
  const behind: number[][] = column.map(() => []);
  const bends = edges.map(([source, target]) => {
    const found: number[] = [];
    let last = source;
    for (let at = column[source]! + 1; at < column[target]!; at += 1) {
      const bend = all.push(at) - 1;
      before.push([last]);
      behind.push([]);
      behind[last]!.push(bend);
      found.push(bend);
      last = bend;
    }
    if (source !== target) {
      behind[last]!.push(target);
      before[target]!.push(last);
    }
    return found;
  });
  const columns: number[][] = Array.from({ length: all.length ? Math.max(...all) + 1 : 0 }, () => []);
  all.forEach((at, node) => columns[at]!.push(node));
  return { column: all, before, behind, bends, columns };
}

function fewestCrossings(layered: Layered): number[][] {
  let columns = layered.columns.map((nodes) => [...nodes]);
  let best = columns;
  let fewest = crossings(columns, layered);
  for (let sweep = 0; sweep < SWEEPS && fewest; sweep += 1) {
    const isForward = sweep % 2 === 0;
    columns = swept(columns, isForward ? layered.before : layered.behind, isForward);
    const count = crossings(columns, layered);
    if (count < fewest) [fewest, best] = [count, columns];
  }
  return best;
}

/** Each column ordered by the mean places of its neighbours, from left to right or back. */
function swept(columns: readonly number[][], neighbours: readonly number[][], isForward: boolean): number[][] {
  const found = columns.map((nodes) => [...nodes]);
  const places = placesOf(found);
  const order = [...found.keys()];
  for (const at of isForward ? order : order.reverse()) {
    const wanted = new Map(found[at]!.map((node) => [node, mean(neighbours[node]!, places) ?? places[node]!]));
    found[at]!.sort((a, b) => wanted.get(a)! - wanted.get(b)! || places[a]! - places[b]!);
    found[at]!.forEach((node, place) => (places[node] = place));
  }
  return found;
}

export function crossings(columns: readonly number[][], layered: Pick<Layered, "behind">): number {
  const places = placesOf(columns);
  let count = 0;
  for (const nodes of columns) {
    const ends = nodes.flatMap((node) => layered.behind[node]!.map((far) => places[far]!).sort((a, b) => a - b));
    for (let a = 0; a < ends.length; a += 1) for (let b = a + 1; b < ends.length; b += 1) count += Number(ends[a]! > ends[b]!);
  }
  return count;
}

/** Heights of nodes and bends, each near the mean of its neighbours, at least a row apart in a column. */
function heights(columns: readonly number[][], layered: Layered): number[] {
  const row = placesOf(columns);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const order = [...columns.keys()];
    for (const at of sweep % 2 ? order.reverse() : order) {
      const nodes = columns[at]!;
      const wanted = nodes.map((node) => mean([...layered.before[node]!, ...layered.behind[node]!], row) ?? row[node]!);
      apart(wanted).forEach((height, place) => (row[nodes[place]!] = height));
    }
  }
  const top = row.length ? Math.min(...row) : 0;
  return row.map((height) => height - top);
}

/** The values nearest to these, by least squares, of which each is at least 1 above the one before. */
export function apart(wanted: readonly number[]): number[] {
  const blocks: { total: number; count: number }[] = []; // pool adjacent violators
  wanted.forEach((value, place) => {
    blocks.push({ total: value - place, count: 1 });
    while (blocks.length > 1) {
      const last = blocks[blocks.length - 1]!;
      const above = blocks[blocks.length - 2]!;
      if (above.total / above.count <= last.total / last.count) break;
      above.total += last.total;
      above.count += last.count;
      blocks.pop();
    }
  });
  return blocks.flatMap(({ total, count }) => new Array<number>(count).fill(total / count)).map((value, place) => value + place);
}

function placesOf(columns: readonly number[][]): number[] {
  const places: number[] = [];
  for (const nodes of columns) nodes.forEach((node, place) => (places[node] = place));
  return places;
}

function mean(nodes: readonly number[], of: readonly number[]): number | undefined {
  return nodes.length ? nodes.reduce((sum, node) => sum + of[node]!, 0) / nodes.length : undefined;
}

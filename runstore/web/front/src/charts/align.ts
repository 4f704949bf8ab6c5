/** Lines above one x: what uPlot draws. A place that a line doesn't have is undefined, and its gaps are null. */
import type { Spots } from "./spots";

export interface Aligned {
  x: number[];
  /** For each line a value at each x. */
  y: (number | null | undefined)[][];
  /** For each line and x the place in its own spots; -1 where it has none. */
  places: Int32Array[];
}

export function aligned(lines: readonly Spots[]): Aligned {
  const x = [...new Set(lines.flatMap((line) => line.x))].sort((a, b) => a - b);
  const at = new Map(x.map((value, place) => [value, place]));
  const found: Aligned = { x, y: [], places: [] };
  for (const line of lines) {
    const y = new Array<number | null | undefined>(x.length).fill(undefined);
    const places = new Int32Array(x.length).fill(-1);
    line.x.forEach((value, place) => {
      const column = at.get(value) ?? 0;
      y[column] = line.y[place] ?? null;
      places[column] = place;
    });
    found.y.push(y);
    found.places.push(places);
  }
  return found;
}

/** The place of the value that is nearest to `x` in sorted numbers; -1 where there are none. */
export function nearest(sorted: readonly number[], x: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < x) low = middle + 1;
    else high = middle;
  }
  const before = sorted[low - 1];
  const after = sorted[low];
  if (after === undefined) return sorted.length - 1;
  return before !== undefined && x - before < after - x ? low - 1 : low;
}

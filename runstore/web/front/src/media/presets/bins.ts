/** Numbers in bins of equal width. */

export function binned(sets: readonly (readonly number[])[], bins: number): { edges: number[]; counts: number[][] } {
  let low = Infinity;
  let high = -Infinity;
  for (const numbers of sets) {
    for (const value of numbers) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (!(low <= high)) return { edges: [], counts: sets.map(() => []) };
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const width = (high - low) / bins;
  const counts = sets.map((numbers) => {
    const found = new Array<number>(bins).fill(0);
    for (const value of numbers) {
      const place = Math.min(Math.floor((value - low) / width), bins - 1);
      found[place] = (found[place] ?? 0) + 1;
    }
    return found;
  });
  return { edges: Array.from({ length: bins + 1 }, (_, place) => low + place * width), counts };
}

/** Round numbers between two others, some four of them. */
export function ticks(low: number, high: number, most = 5): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const rough = span / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const found: number[] = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(Math.abs(value) < step * 1e-9 ? 0 : value);
  return found;
}

/** Steps at which there are values, of several runs together. */

/** Steps as the server sends them: the first, and then distances. */
export function undistanced(distances: readonly number[]): number[] {
  let at = 0;
  return distances.map((distance) => (at += distance));
}

/** All steps of several runs in order, each once. */
export function united(lists: readonly (readonly number[])[]): number[] {
  if (lists.length === 1) return [...(lists[0] ?? [])];
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}

/** Place of the last step that is not behind `step`; -1 where all are. Undefined means the end. */
export function placeOf(steps: readonly number[], step: number | undefined): number {
  if (step === undefined) return steps.length - 1;
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] ?? 0) <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The step that the address says, undefined for the last one. */
export function stepIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  return text !== null && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

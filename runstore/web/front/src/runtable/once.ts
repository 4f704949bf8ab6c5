/** Runs that stay at the top stand there alone: the list below leaves them out, once it is known where they are in it. */
import type { Row } from "./rows";

/** Places in the list of these runs, in their order; those that are not loaded yet are not known. */
export function placesOf(rows: ReadonlyMap<number, Row>, refs: ReadonlySet<string>): number[] {
  if (!refs.size) return [];
  return [...rows].flatMap(([place, row]) => (refs.has(row.ref) ? [place] : [])).sort((a, b) => a - b);
}

/** The place in the list of what is shown as the one with this number, from 0, where some are left out. */
export function placeOf(number: number, leftOut: readonly number[]): number {
  let place = number;
  for (const one of leftOut) if (one <= place) place += 1;
  return place;
}

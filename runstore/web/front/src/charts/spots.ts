/** Where the line of a curve passes: its cells, and the first and the last point just as they were logged. */
import type { Cell, Curve } from "./types";

export interface Spots {
  x: number[];
  /** Null is a gap: nothing there is finite. */
  y: (number | null)[];
  /** Of each place its cell; undefined for points at the ends. */
  cells: (Cell | undefined)[];
}

/** The middle of a cell; steps are whole numbers, and a cell ends with the last of them. */
export function middle(cell: number, width: number, isSteps: boolean): number {
  return width ? cell * width + (isSteps ? (width - 1) / 2 : width / 2) : cell;
}

/** The places that a line passes; `values` are those of the cells, smoothed or not. */
export function spotsOf(curve: Curve, values: readonly (number | null)[], width: number, isSteps: boolean): Spots {
  const spots: Spots = { x: [], y: [], cells: [] };
  const { first, final, cells } = curve;
  const add = (x: number, y: number | null, cell?: Cell) => {
    spots.x.push(x);
    spots.y.push(y);
    spots.cells.push(cell);
  };
  if (!cells.length && first[0] === final[0]) return spots;
  const isSmoothed = cells.some((cell, place) => values[place] !== cell.mean);
  const begins = cells[0]?.cell ?? 0;
  if (!isWithin(first[0], cells[0], width) || (cells[0]?.count ?? 0) + (cells[0]?.odd ?? 0) > 1) add(first[0], first[1]);
  cells.forEach((cell, place) => {
    const isOne = cell.count + cell.odd === 1;
    let x = middle(cell.cell, width, isSteps);
    if (cell.cell === begins && isWithin(first[0], cell, width)) x = isOne ? first[0] : Math.max(x, (first[0] + (cell.cell + 1) * width) / 2);
    if (place === cells.length - 1 && isWithin(final[0], cell, width)) x = isOne ? final[0] : Math.min(x, (final[0] + Math.max(cell.cell * width, first[0])) / 2);
    add(x, values[place] ?? null, cell);
  });
  const last = spots.x.at(-1);
  if (last === undefined || final[0] > last) add(final[0], isSmoothed && final[1] !== null ? (spots.y.at(-1) ?? final[1]) : final[1]);
  return spots;
}

function isWithin(x: number, cell: Cell | undefined, width: number): boolean {
  if (!cell) return false;
  return width ? x >= cell.cell * width && x < (cell.cell + 1) * width : x === cell.cell;
}

/** Rows of the table as the server sends them, by columns, and as they are shown, one by one. */

export type Cell = string | number | boolean | null;

/** Runs by columns: `cells[column][run]`. */
export interface Columnar {
  refs: string[];
  cells: Cell[][];
}

export interface Answer {
  /** How many runs the project has. */
  all: number;
  /** How many fulfil the filter. */
  found?: number;
  /** Names of the columns after the first three: name, state and begin. */
  columns: string[];
  rows?: Columnar;
  /** Runs that were asked for by their refs. */
  also: Columnar;
  /** Where the filter is wrong, and why. */
  wrong?: Wrong;
  /** For a filter that no run fulfils: its terms, and how many runs fulfil each. */
  terms?: Term[];
}

export interface Wrong {
  sentence: string;
  /** Of the filter, from 0, in code points. */
  column: number;
}

export interface Term {
  text: string;
  /** Runs that fulfil this term alone. */
  runs: number;
  /** Runs that fulfil all other terms. */
  others: number;
}

export interface Row {
  ref: string;
  name: string;
  state: string;
  created: number;
  cells: Cell[];
}

const ALWAYS = 3;

export function rowsOf({ refs, cells }: Columnar): Row[] {
  return refs.map((ref, place) => ({
    ref,
    name: String(cells[0]?.[place] ?? ""),
    state: String(cells[1]?.[place] ?? ""),
    created: Number(cells[2]?.[place] ?? 0),
    cells: cells.slice(ALWAYS).map((column) => column[place] ?? null),
  }));
}

/** What the API says of many runs by their columns. NaN and infinities come by name. */

export type Value = number | string | boolean | null;

export interface Wrong {
  sentence: string;
  column: number;
}

export interface Sweep {
  wrong?: undefined;
  /** How many runs there are; of very many the newest are told. */
  total: number;
  refs: string[];
  names: string[];
  states: string[];
  columns: string[];
  /** Of each column the value of each run. */
  values: Value[][];
}

/** count, mean, std, low, high of the finite numbers, and how many are NaN or infinite. */
export type Spread = [number, number | null, number | null, number | null, number | null, number];

export interface Group {
  /** Null: of the runs that have none. */
  value: Value;
  count: number;
  states: Record<string, number>;
  refs: string[];
  spreads: Spread[];
}

export interface Groups {
  wrong?: undefined;
  by: string;
  metrics: string[];
  runs: number;
  total: number;
  groups: Group[];
}

export interface Refused {
  wrong: Wrong;
}

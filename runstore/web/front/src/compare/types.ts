/** What the server answers of runs side by side; the names are those of routes/compare.py. */
import type { RunName, Value } from "../run/types";

export interface Row {
  section: string;
  key: string;
  /** One of each run; where all have the same, only one. */
  values: Value[];
  same: boolean;
}

export interface Comparison {
  runs: RunName[];
  rows: Row[];
}

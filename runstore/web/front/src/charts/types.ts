/** What charts are made of: as the server sends it, and as it is drawn. */
import type { Column } from "./columns";

/** A line of charts: a run's, or of another thing that has a name. */
export interface ChartRun {
  ref: string;
  name: string;
  /** Which of the colours it has; that of a run follows from its ref. */
  color?: number;
}

/** What lines are of, where they are not those of runs. */
export interface Source {
  /** The runs that are asked for. */
  refs: readonly string[];
  /** Names of what is measured of the machine of the one run; lines are these. */
  system?: (key: string) => string[];
  /** Places among `refs`; lines are groups of runs. */
  groups?: number[][];
  /** How far the runs of a group are apart: one standard deviation, or from the least to the greatest. */
  spread?: "std" | "range";
}

/** One chart as the server is asked for it; see `Wanted` in the server's curves.py. */
export interface Want {
  key: string;
  /** "" is the axis that `define_metric` meant, else the step. */
  x: string;
  min?: number;
  max?: number;
  width?: number;
  after?: (number | null)[];
  ranges?: boolean;
  buckets?: number;
  system?: string[];
  groups?: number[][];
  spread?: "std" | "range";
}

export interface SentSpikes {
  at: number[];
  /** Left out where ranges are there. */
  values?: Column;
}

/** A line as it is sent; `run` is its place among the refs that were asked for. */
export interface SentLine {
  run: number;
  cells: number[];
  mean: Column;
  count: number[];
  ends: [number, number];
  values: [number | null, number | null];
  odd?: number[];
  oddities?: number[];
  low?: Column;
  high?: Column;
  below?: SentSpikes;
  above?: SentSpikes;
}

export interface SentChart {
  key: string;
  x: string;
  width: number;
  lines: SentLine[];
  lacking?: number[];
}

/** A value at a place of x; null is NaN or infinite. */
export type Spot = readonly [x: number, value: number | null];

/** A bucket of a line: all points with x from cell * width up to, not including, the next cell. */
export interface Cell {
  /** Its number; x itself where the width is 0. */
  cell: number;
  /** Null where no value is finite. */
  mean: number | null;
  /** How many finite values. */
  count: number;
  /** How many that are NaN or infinite. */
  odd: number;
  /** Known where ranges were asked for, or where the value stands out. */
  low?: number | null;
  high?: number | null;
  /** Its minimum, or maximum, stands out of the line: a spike that the mean hides. */
  below?: boolean;
  above?: boolean;
}

/** One run's metric. */
export interface Curve {
  ref: string;
  cells: Cell[];
  /** The points at the ends: those beside a window, where there are any. */
  first: Spot;
  final: Spot;
  /** Whether `low` and `high` are known of all cells. */
  hasRanges: boolean;
}

export interface ChartData {
  key: string;
  x: string;
  width: number;
  curves: Curve[];
  /** Refs of runs that have the metric but no x at its steps. */
  lacking: string[];
}

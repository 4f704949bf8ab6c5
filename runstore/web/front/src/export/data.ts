/** What an exported file holds, beside its page; see runstore/web/export. */
import type { SentChart } from "../charts/types";
import type { ConsoleLog } from "../logs/layout";
import type { Cell } from "../media/cell";
import type { Heat } from "../media/histogram";
import type { ChartAnswer } from "../media/presets/presets";
import type { Column } from "../media/table";
import type { Keys, Shown, Values } from "../media/types";

export interface ExportedRun {
  ref: string;
  id: string;
  name: string;
  state: string;
  created_at: number;
  heartbeat_at: number;
  runtime: number | null;
  last_step: number;
  exit_code: number | null;
  project: string;
  notes: string | null;
  tags: string[];
  group: string | null;
  job_type: string | null;
  host: string;
  program: string;
  git_commit: string;
  git_remote: string;
  writer: string;
  config: Record<string, unknown>;
  summary: Record<string, unknown>;
}

/** The first rows of a table, or why there are none. */
export type ExportedTable = { error: string } | { columns: Column[]; all_columns: number; all_rows: number; rows: Cell[][] };

/** What runs have under keys: first by key, then by ref of run. */
export interface ExportedMedia {
  keys: Keys;
  /** At the last step. */
  values: Record<string, Values>;
  /** At some of the steps before that, in order. */
  earlier: Record<string, Record<string, Shown[]>>;
  heat: Record<string, Record<string, Heat | null>>;
  charts: Record<string, ChartAnswer>;
  /** Of each run by their places in a list; "null" for one that is alone. */
  tables: Record<string, Record<string, Record<string, ExportedTable>>>;
  /** Views name them by their places here, as `file-3`; `data` is base64. */
  files: { type: string; data: string }[];
}

/** What one run printed: the last lines. */
export interface ExportedConsole {
  logs: ConsoleLog[];
  /** How many lines before those are not here. */
  missing: number;
  /** By log. `times` are in milliseconds, each since the one before. */
  lines: Record<string, { streams: string; times: number[]; texts: string[] }>;
}

export interface Exported {
  title: string;
  version: string;
  made_at: number;
  runs: ExportedRun[];
  differences: { section: string; key: string; values: unknown[] }[];
  keys: { keys: string[]; runs: number[]; x: Record<string, string> };
  /** By x axis ("" is the one that was defined) and key; lines name their run by its place in `runs`. */
  charts: Record<string, Record<string, SentChart>>;
  media: ExportedMedia | null;
  /** By ref of run. */
  consoles: Record<string, ExportedConsole>;
  left_out: string[];
  /** What the scripts of logged pages need to be run in their frames; "" where there are none. */
  nonce: string;
}

/** The data of this file. */
export const exported = JSON.parse(document.getElementById("data")?.textContent ?? "{}") as Exported;

/** The rows of a console: the lines of one log after another, with a heading before each where there are several. */

export interface OpenLine {
  stream: string;
  text: string;
}

/** How much one log has; the names are those of routes/console.py. */
export interface ConsoleLog {
  log: number;
  path: string;
  kind: string;
  started_at: number;
  count: number;
  open: OpenLine[];
}

export type Row =
  | { is: "heading"; log: ConsoleLog }
  | { is: "line"; log: ConsoleLog; line: number }
  | { is: "open"; log: ConsoleLog; open: OpenLine };

export interface Layout {
  logs: ConsoleLog[];
  /** The first row of each log, and behind them how many rows there are. */
  begins: number[];
  total: number;
  lines: number;
  headings: 0 | 1;
}

export function layoutOf(logs: readonly ConsoleLog[]): Layout {
  const shown = logs.filter((log) => log.count || log.open.length);
  const headings = shown.length > 1 ? 1 : 0;
  const begins = [0];
  for (const log of shown) begins.push((begins.at(-1) ?? 0) + headings + log.count + log.open.length);
  const lines = shown.reduce((sum, log) => sum + log.count + log.open.length, 0);
  return { logs: shown, begins, total: begins.at(-1) ?? 0, lines, headings };
}

/** What stands in a row; undefined behind the last. */
export function rowAt({ logs, begins, headings }: Layout, row: number): Row | undefined {
  let place = 0;
  while (place < logs.length && row >= (begins[place + 1] ?? 0)) place += 1;
  const log = logs[place];
  if (!log || row < 0) return undefined;
  const within = row - (begins[place] ?? 0) - headings;
  if (within < 0) return { is: "heading", log };
  if (within < log.count) return { is: "line", log, line: within };
  const open = log.open[within - log.count];
  return open && { is: "open", log, open };
}

/** The row of a line of a log; -1 where it is not there. */
export function rowOf({ logs, begins, headings }: Layout, log: number, line: number): number {
  const place = logs.findIndex((one) => one.log === log);
  return place < 0 || line >= (logs[place]?.count ?? 0) ? -1 : (begins[place] ?? 0) + headings + line;
}

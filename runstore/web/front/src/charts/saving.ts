/** The data of a chart as a table: on the page, and as a file. */
import { nameOf } from "./axes";
import type { PlotLine } from "./plot";
import type { Range } from "./ranges";
import type { ChartData } from "./types";

/** What is shown of a chart, for pictures and tables of it. */
export interface Chart {
  data: ChartData;
  lines: readonly PlotLine[];
  across: Range;
  log: boolean;
}

/** What a chart is saved as. */
export type Kind = "png" | "svg" | "csv";

export interface Table {
  head: string[];
  rows: (number | null)[][];
}

/** A row for each x that is shown, a column for each run as it is drawn; with the least and the greatest value where they are known. */
export function tableOf({ data, lines, across }: Chart): Table {
  const withRanges = lines.every((line) => line.withRanges) && lines.some((line) => line.curve.cells.some((cell) => cell.count > 1));
  const head = [nameOf(data.x), ...lines.flatMap((line) => (withRanges ? [line.name, `${line.name} (min)`, `${line.name} (max)`] : [line.name]))];
  const rows = new Map<number, (number | null)[]>();
  let column = 1;
  for (const { spots } of lines) {
    spots.x.forEach((x, at) => {
      if (x < across[0] || x > across[1]) return;
      const row = rows.get(x) ?? [x, ...new Array<null>(head.length - 1).fill(null)];
      rows.set(x, row);
      row[column] = spots.y[at] ?? null;
      if (!withRanges) return;
      row[column + 1] = spots.cells[at]?.low ?? spots.y[at] ?? null;
      row[column + 2] = spots.cells[at]?.high ?? spots.y[at] ?? null;
    });
    column += withRanges ? 3 : 1;
  }
  return { head, rows: [...rows.values()].sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0)) };
}

export function csvOf(chart: Chart): string {
  const { head, rows } = tableOf(chart);
  const lines = [head.map(cell).join(","), ...rows.map((row) => row.map((value) => (value === null ? "" : String(value))).join(","))];
  return `${lines.join("\r\n")}\r\n`;
}

/** A text of a CSV file. What a spreadsheet would take for a formula gets a quote before it. */
export function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(safe) || safe !== safe.trim() ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** A name for a file with this chart that any system takes. */
export function nameOfFile(name: string, kind: string): string {
  return `${name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[.-]+/, "").slice(0, 100) || "chart"}.${kind}`;
}

export function download(name: string, content: Blob): void {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(content);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 60_000);
}

/** How values of runs side by side are told, and how far they are from the baseline's. */
import { duration, said, short } from "../parts/words";
import type { Value } from "../run/types";
import type { Row } from "./types";

/** The value of run number `place`. */
export function valueOf(row: Row, place: number): Value {
  return row.values[row.same ? 0 : place] ?? null;
}

/** A value in one line; `—` where a run has none. */
export function told(row: Row, value: Value): string {
  if (value === null) return "—";
  if (row.section === "run" && row.key === "runtime" && typeof value === "number") return duration(value);
  if (row.section === "diff" && row.key === "files" && Array.isArray(value)) return value.join("\n");
  if (Array.isArray(value) && value.every((one) => typeof one === "string") && row.section === "run") return value.join(", ") || "—";
  return value === "" ? '""' : said(value);
}

/** How far a number is from the baseline's: `+0.012 (+3.1 %)`; "" where there is nothing to tell. */
export function deltaOf(value: Value, base: Value): string {
  if (typeof value !== "number" || typeof base !== "number" || value === base) return "";
  const delta = value - base;
  const sign = delta > 0 ? "+" : "−";
  const share = base ? Math.abs(delta / base) * 100 : Infinity;
  const percent = share < 1000 ? ` (${sign}${share < 10 ? share.toPrecision(2) : Math.round(share)} %)` : "";
  return `${sign}${short(Math.abs(delta))}${percent}`;
}

export function isSame(a: Value, b: Value): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** The rows that have all words of a search in their key or a value. */
export function rowsWith(rows: readonly Row[], search: string): Row[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [...rows];
  return rows.filter((row) => {
    const text = `${row.section}.${row.key} ${row.values.map((value) => told(row, value)).join(" ")}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

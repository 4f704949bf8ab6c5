/** What one cell shows, by its column. */
import { duration, moment, short } from "../parts/words";
import { type Ages, age } from "./age";
import type { Cell } from "./rows";

const TIMES = new Set(["created_at", "heartbeat_at"]);

/** The name of a column as its head shows it: without `config.` and `summary.`, which its title has. */
export function headOf(column: string): string {
  const known: Record<string, string> = { created_at: "created", heartbeat_at: "last seen", last_step: "last step", job_type: "job type" };
  return known[column] ?? column.replace(/^(config|summary)\./, "");
}

export function isNumber(cell: Cell | undefined): boolean {
  return typeof cell === "number" || cell === "NaN" || cell === "Infinity" || cell === "-Infinity";
}

export function isTime(column: string): boolean {
  return TIMES.has(column);
}

export function textOf(column: string, cell: Cell | undefined, ages: Ages): string {
  if (cell === null || cell === undefined) return "";
  if (typeof cell !== "number") return column === "tags" ? tagsOf(cell).join(", ") : String(cell);
  if (TIMES.has(column)) return age(cell, ages);
  if (column === "runtime") return cell ? duration(cell) : "";
  if (column === "last_step") return cell < 0 ? "" : cell.toLocaleString("en");
  return short(cell);
}

/** What a cell is called in full, where it is cut or rounded. */
export function titleOf(column: string, cell: Cell | undefined, ages: Ages): string | undefined {
  const text = textOf(column, cell, ages);
  if (typeof cell === "number" && text) return TIMES.has(column) ? moment(cell) : String(cell);
  return text || undefined;
}

export function CellText({ column, cell, ages }: { column: string; cell: Cell | undefined; ages: Ages }) {
  if (column === "tags") return <>{tagsOf(cell ?? null).map((tag) => <span key={tag} class="tag">{tag}</span>)}</>;
  if (column === "state") return <State state={String(cell ?? "")} />;
  return <>{textOf(column, cell, ages)}</>;
}

/** Tags travel as the JSON of a list; one that was cut is shown as it is. */
function tagsOf(cell: Cell): string[] {
  if (typeof cell !== "string") return [];
  try {
    const found: unknown = JSON.parse(cell);
    return Array.isArray(found) ? found.map(String) : [cell];
  } catch {
    return [cell];
  }
}

export function State({ state }: { state: string }) {
  return <span class={`state ${state}`}><i aria-hidden="true" />{state}</span>;
}

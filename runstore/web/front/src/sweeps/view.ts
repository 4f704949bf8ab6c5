/** What the pages of groups and sweeps show, as the address has it. */
import { adjust } from "../shell/router";
import { type Brushes, brushesOf, brushesText } from "./brushes";

export type Kind = "" | "parallel" | "scatter";

export interface SweepView {
  kind: Kind;
  filter: string;
  /** Undefined: the server chooses. */
  by: string | undefined;
  metrics: readonly string[] | undefined;
  columns: readonly string[] | undefined;
  /** Of the scatter plot; "" for the first that fit. */
  x: string;
  y: string;
  color: string;
  /** Columns of which somebody decided whether they are drawn by powers of ten. */
  scales: Readonly<Record<string, boolean>>;
  brushes: Brushes;
}

export function sweepViewOf(query: URLSearchParams): SweepView {
  const kind = query.get("view") ?? "";
  return {
    kind: kind === "parallel" || kind === "scatter" ? kind : "",
    filter: query.get("filter") ?? "",
    by: query.get("by") ?? undefined,
    metrics: listed(query.get("metrics")),
    columns: listed(query.get("columns")),
    x: query.get("x") ?? "",
    y: query.get("y") ?? "",
    color: query.get("color") ?? "",
    scales: Object.fromEntries((listed(query.get("scales")) ?? []).map((text) => [text.slice(1), text.startsWith("+")])),
    brushes: brushesOf(query.get("chosen")),
  };
}

export function changeSweep(changes: Partial<SweepView>): void {
  const texts: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(changes)) {
    if (name === "kind") texts["view"] = value as string;
    else if (name === "brushes") texts["chosen"] = brushesText(value as Brushes);
    else if (name === "scales") texts[name] = Object.entries(value as SweepView["scales"]).map(([column, isLog]) => escaped((isLog ? "+" : "-") + column)).join(",");
    else texts[name] = Array.isArray(value) ? value.map(escaped).join(",") : (value as string | undefined);
  }
  adjust(texts);
}

function listed(text: string | null): string[] | undefined {
  return text ? text.split(",").map((part) => part.replace(/%(25|2c)/g, (code) => decodeURIComponent(code))) : undefined;
}

function escaped(name: string): string {
  return name.replace(/[%,]/g, (letter) => (letter === "%" ? "%25" : "%2c"));
}

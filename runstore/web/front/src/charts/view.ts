/** How charts are looked at: all of it is in the address. */
import { adjust } from "../shell/router";

export interface Zoom {
  /** The axis that it is of: charts with another one show all of theirs. */
  x: string;
  min: number;
  max: number;
}

export interface ChartView {
  /** A metric; "" is the one that was meant for each chart, else the step. */
  x: string;
  /** Of an exponential moving average: from 0 to 0.999. */
  smooth: number;
  /** "*": all charts have a logarithmic y axis; else those of these keys. */
  log: readonly string[];
  /** Outliers don't count for the y range. */
  robust: boolean;
  /** The charts of a section have one y range. */
  shared: boolean;
  /** Only metrics with this text in their name, or that fit it as a regular expression. */
  find: string;
  zoom: Zoom | undefined;
  /** The chart that fills the window. */
  large: string;
  /** Sections that are shut. */
  shut: readonly string[];
  /** Sections that are open though they are shut at first. */
  open: readonly string[];
}

export function chartView(query: URLSearchParams): ChartView {
  const smooth = Number(query.get("smooth") ?? 0);
  return {
    x: query.get("x") ?? "",
    smooth: smooth > 0 && smooth < 1 ? smooth : 0,
    log: listed(query.get("log")),
    robust: query.get("outliers") === "hidden",
    shared: query.get("yrange") === "shared",
    find: query.get("charts") ?? "",
    zoom: zoomIn(query.get("zoom")),
    large: query.get("chart") ?? "",
    shut: listed(query.get("shut")),
    open: listed(query.get("open")),
  };
}

/** Change how charts are looked at; only what is named. */
export function look(change: Partial<ChartView>): void {
  const params: Record<string, string | undefined> = {};
  if (change.x !== undefined) params.x = change.x;
  if (change.smooth !== undefined) params.smooth = change.smooth ? String(change.smooth) : "";
  if (change.log !== undefined) params.log = change.log.map(escaped).join(",");
  if (change.robust !== undefined) params.outliers = change.robust ? "hidden" : "";
  if (change.shared !== undefined) params.yrange = change.shared ? "shared" : "";
  if (change.find !== undefined) params.charts = change.find;
  if ("zoom" in change) params.zoom = change.zoom ? [escaped(change.zoom.x), change.zoom.min, change.zoom.max].join(",") : "";
  if (change.large !== undefined) params.chart = change.large;
  if (change.shut !== undefined) params.shut = change.shut.map(escaped).join(",");
  if (change.open !== undefined) params.open = change.open.map(escaped).join(",");
  adjust(params);
}

/** A part of x that was marked, in numbers that are no longer than they need be. */
export function zoomTo(x: string, [min, max]: readonly [number, number]): Zoom {
  if (x === "_step") return { x, min: Math.floor(min), max: Math.max(Math.ceil(max), Math.floor(min) + 1) };
  const digits = Math.max(0, Math.min(15, 3 - Math.floor(Math.log10(max - min))));
  return { x, min: Number(min.toFixed(digits)), max: Number(max.toFixed(digits)) };
}

export function isLog(view: ChartView, key: string): boolean {
  return view.log.includes("*") !== view.log.includes(key);
}

/** The list with one more, or without it where it was there. */
export function toggled(list: readonly string[], one: string): string[] {
  return list.includes(one) ? list.filter((other) => other !== one) : [...list, one];
}

/** Whether a metric is among those that are looked for. */
export function finds(find: string, key: string): boolean {
  if (!find) return true;
  if (key.toLowerCase().includes(find.toLowerCase())) return true;
  try {
    return new RegExp(find, "i").test(key);
  } catch {
    return false;
  }
}

function escaped(text: string): string {
  return text.replace(/[%,]/g, encodeURIComponent);
}

function listed(text: string | null): string[] {
  return text ? text.split(",").map((part) => part.replace(/%2C/gi, ",").replace(/%25/g, "%")) : [];
}

function zoomIn(text: string | null): Zoom | undefined {
  const [x, min, max] = text?.split(",") ?? [];
  if (x === undefined || !(Number(min) < Number(max))) return undefined;
  return { x: listed(x)[0] ?? "", min: Number(min), max: Number(max) };
}

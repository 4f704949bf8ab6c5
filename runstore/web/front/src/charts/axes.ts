/** What stands along the axes of a chart. */
import type uPlot from "uplot";
import { logSplits, logTicks } from "./logticks";
import { lasting, ticks, times, value4 } from "./words";

/** What x is: steps are whole numbers, times moments, durations seconds since a run began. */
export type XKind = "step" | "time" | "duration" | "value";

export const STEP = "_step";
export const RELATIVE = "_runtime";
export const WALL = "_timestamp";

export function kindOf(x: string): XKind {
  if (x === STEP) return "step";
  if (x === WALL) return "time";
  return x === RELATIVE ? "duration" : "value";
}

/** What an axis is called. */
export function nameOf(x: string): string {
  return { [STEP]: "step", [WALL]: "time", [RELATIVE]: "time since start" }[x] ?? x;
}

/** A place along x in words; a cell that holds several steps is named from its first to its last one. */
export function placeInWords(x: string, value: number, width: number, cell?: number): string {
  const kind = kindOf(x);
  if (kind === "step") {
    if (cell === undefined || width <= 1) return `step ${Math.round(value).toLocaleString("en")}`;
    return `steps ${(cell * width).toLocaleString("en")} – ${((cell + 1) * width - 1).toLocaleString("en")}`;
  }
  if (kind === "time") return new Date(value * 1000).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "medium" });
  return kind === "duration" ? `after ${lasting(value)}` : `${x} ${value4(value)}`;
}

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;
const SPANS = [
  1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 20 * DAY, 50 * DAY, 100 * DAY, 200 * DAY, 500 * DAY,
];

export interface Paints {
  text: string;
  line: string;
}

/** Times of day at their own marks: uPlot cuts seconds since the epoch, and days begin elsewhere than in Greenwich. */
function timeSplits(_: uPlot, __: number, min: number, max: number, step: number): number[] {
  const offset = step >= HOUR ? new Date(min * 1000).getTimezoneOffset() * MINUTE : 0;
  const found: number[] = [];
  for (let at = Math.ceil((min - offset) / step) * step + offset; at <= max; at += step) found.push(at);
  return found;
}

export function axesOf(x: string, isLog: boolean, paints: Paints): uPlot.Axis[] {
  const kind = kindOf(x);
  const common: uPlot.Axis = {
    stroke: paints.text,
    grid: { stroke: paints.line, width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  const along: uPlot.Axis = {
    ...common,
    gap: 6,
    size: kind === "time" ? 40 : 26,
    grid: { show: false },
    space: kind === "step" || kind === "value" ? 56 : 76,
    values: (_, values, __, ___, step) => labels(kind, values, step),
  };
  if (kind === "time" || kind === "duration") along.incrs = SPANS;
  if (kind === "time") along.splits = timeSplits;
  // Steps between two whole numbers are none.
  if (kind === "step") along.incrs = wholeSteps();
  const upright: uPlot.Axis = {
    ...common,
    gap: 5,
    size: (plot, values) => Math.min(90, 12 + Math.max(20, ...(values ?? []).map((text) => widthOf(plot, text)))),
    space: 34,
    values: (_, values, __, ___, step) => (isLog ? logTicks(values) : ticks(values, step)),
  };
  if (isLog) {
    upright.splits = (_, __, low, high) => logSplits(low, high);
    upright.filter = (_, values) => values;
  }
  return [along, upright];
}

function widthOf(plot: uPlot, text: string | null): number {
  plot.ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  return plot.ctx.measureText(text ?? "").width / devicePixelRatio;
}

function labels(kind: XKind, values: number[], step: number): string[] {
  if (kind === "time") return times(values, step);
  if (kind !== "duration") return ticks(values, step);
  // Around a single point there is room on both sides, but no time before the start.
  return values.map((value) => (value > 0 ? lasting(Number(value.toPrecision(12))) : value ? "" : "0"));
}

function wholeSteps(): number[] {
  const found: number[] = [];
  for (let power = 1; power < 1e18; power *= 10) found.push(power, 2 * power, 5 * power);
  return found;
}

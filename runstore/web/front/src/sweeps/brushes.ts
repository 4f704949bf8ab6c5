/** What is chosen on axes: ranges of numbers, or some of the categories; kept in the address. */
import type { Axis } from "./axes";
import type { Sweep, Value } from "./types";

export type Brush = { low: number; high: number } | { texts: readonly string[] };

/** By the column's name. */
export type Brushes = Readonly<Record<string, Brush>>;

export function isInside(brush: Brush, value: Value | undefined): boolean {
  if ("texts" in brush) return value !== null && value !== undefined && brush.texts.includes(String(value));
  return typeof value === "number" && value >= brush.low && value <= brush.high;
}

/** The places of the runs that are inside all brushes; brushes of columns that are not there mean nothing. */
export function chosen(sweep: Sweep, brushes: Brushes): Set<number> {
  const asked = Object.entries(brushes).flatMap(([name, brush]) => {
    const values = sweep.values[sweep.columns.indexOf(name)];
    return values ? [[values, brush] as const] : [];
  });
  return new Set([...sweep.refs.keys()].filter((run) => asked.every(([values, brush]) => isInside(brush, values[run]))));
}

/** What lies on an axis between two places, from 0 to 1; undefined for nothing. */
export function brushOf(axis: Axis, one: number, other: number): Brush | undefined {
  const [from, to] = [Math.max(0, Math.min(one, other)), Math.min(1, Math.max(one, other))];
  if (axis.kind === "number") {
    return { low: exact(axis, from), high: exact(axis, to) };
  }
  const texts = axis.categories.filter((text) => {
    const at = axis.place(text) ?? -1;
    return at >= from && at <= to;
  });
  return texts.length ? { texts } : undefined;
}

/** The number at a place, no longer than needed; the ends of an axis exactly, so that what lies there is inside. */
function exact(axis: Axis, place: number): number {
  if (place <= 0) return axis.low;
  if (place >= 1) return axis.high;
  return Number(axis.numberAt(place).toPrecision(4));
}

/** Where a brush lies on its axis: bottom and top, from 0 to 1. */
export function span(axis: Axis, brush: Brush): [number, number] {
  if ("texts" in brush) {
    const places = brush.texts.map((text) => axis.place(text)).filter((place) => place !== undefined);
    const room = axis.categories.length > 1 ? 0.35 / (axis.categories.length - 1) : 0.2;
    return [Math.max(0, Math.min(...places, 1) - room), Math.min(1, Math.max(...places, 0) + room)];
  }
  const clip = (value: number, other: number) => Math.min(1, Math.max(0, axis.place(value) ?? other));
  return [clip(brush.low, 0), clip(brush.high, 1)];
}

export function brushesOf(text: string | null): Brushes {
  const found: Record<string, Brush> = {};
  for (const part of (text ?? "").split(";").filter(Boolean)) {
    const [name = "", low = "", high = "", ...texts] = part.split("~").map(unescaped);
    if (low !== "" && high !== "" && !Number.isNaN(Number(low)) && !Number.isNaN(Number(high))) found[name] = { low: Number(low), high: Number(high) };
    else if (texts.length) found[name] = { texts };
  }
  return found;
}

export function brushesText(brushes: Brushes): string {
  return Object.entries(brushes)
    .map(([name, brush]) => ("texts" in brush ? [name, "", "", ...brush.texts] : [name, String(brush.low), String(brush.high)]))
    .map((parts) => parts.map(escaped).join("~"))
    .join(";");
}

export function withBrush(brushes: Brushes, name: string, brush: Brush | undefined): Brushes {
  const { [name]: _, ...others } = brushes;
  return brush ? { ...others, [name]: brush } : others;
}

function escaped(text: string): string {
  return text.replace(/[%~;]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
}

function unescaped(text: string): string {
  return text.replace(/%(25|7e|3b)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

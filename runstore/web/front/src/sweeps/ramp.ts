/** Colours of runs by one column: of numbers a ramp whose lightness rises too, of categories some that are far apart. */
import type { Axis } from "./axes";
import type { Value } from "./types";

const STEPS = 64;

/** A colour for a place from 0 to 1; on a dark ground all are lighter. */
export function ramp(place: number, isDark: boolean): string {
  const at = Math.round(Math.min(1, Math.max(0, place)) * STEPS) / STEPS;
  const [from, to] = isDark ? [0.56, 0.88] : [0.42, 0.76];
  return `oklch(${(from + (to - from) * at).toFixed(3)} 0.16 ${Math.round(270 + 175 * at) % 360})`;
}

const HUES = [255, 45, 150, 320, 95, 200, 15, 290];

export function colorOf(axis: Axis | undefined, value: Value | undefined, isDark: boolean): string {
  const place = axis?.place(value);
  if (!axis || place === undefined) return isDark ? "#8b949e" : "#6b7480";
  if (axis.kind === "number") return ramp(place, isDark);
  const at = axis.categories.indexOf(String(value));
  const lightness = (isDark ? 0.72 : 0.55) + (Math.floor(at / HUES.length) % 2 ? 0.12 : 0);
  return `oklch(${lightness} 0.14 ${HUES[at % HUES.length]})`;
}

/** Whether the page is dark now. */
export function isDarkNow(): boolean {
  const asked = document.documentElement.dataset["theme"];
  return asked ? asked === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

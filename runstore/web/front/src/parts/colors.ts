/**
 * The colour and dashes of a run's lines, the same wherever it is drawn.
 *
 * The colour follows from the run alone, so it never changes. Of the runs that are shown now, those that have one colour
 * are told apart by dashes, the first of them has none.
 *
 * The colours were chosen by search: 3:1 against the ground they are drawn on, and as far apart as ten can be for people
 * who see all colours, no red and no green (the nearest two are 0.10 apart in OKLab; of Okabe and Ito's seven, 0.08).
 */
import { store, useStore } from "../shell/store";

export interface LineLook {
  /** As CSS takes it: one colour for a light ground, one for a dark one. */
  color: string;
  /** Lengths of strokes and gaps; empty for a line without gaps. */
  dash: number[];
}

const ON_LIGHT = ["#3e51bd", "#e67409", "#62a279", "#c45fba", "#33007a", "#3f97fa", "#562000", "#9c5566", "#456401", "#354552"];
const ON_DARK = ["#5193fc", "#da8901", "#79ffeb", "#e97aae", "#8354c3", "#97c7ff", "#b94d01", "#fdaf95", "#ffe64a", "#707274"];
const DASHES: readonly number[][] = [[], [6, 3], [2, 3], [8, 3, 2, 3], [1, 4], [12, 4], [4, 2, 1, 2]];

/** Of the runs that are shown, which are dashed: the place of their dashes. */
const dashes = store<ReadonlyMap<string, number>>(new Map());

/** Say which runs are shown now, in an order that stays: the earlier ones keep their lines whole. */
export function noteShown(refs: readonly string[]): void {
  const taken = new Map<number, number>();
  const found = new Map<string, number>();
  for (const ref of refs) {
    const color = colorIndex(ref);
    const before = taken.get(color) ?? 0;
    taken.set(color, before + 1);
    if (before) found.set(ref, before);
  }
  const old = dashes.get();
  if (old.size !== found.size || [...found].some(([ref, dash]) => old.get(ref) !== dash)) dashes.set(found);
}

/** Which of the colours a run has. */
export function colorIndex(ref: string): number {
  let hash = 2166136261;
  for (const letter of ref) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16777619);
  hash ^= hash >>> 15; // the lowest bits of such a hash follow from the last letters alone
  return (hash >>> 0) % ON_LIGHT.length;
}

export function lineOf(ref: string): LineLook {
  const place = colorIndex(ref);
  return { color: `light-dark(${ON_LIGHT[place]}, ${ON_DARK[place]})`, dash: DASHES[(dashes.get().get(ref) ?? 0) % DASHES.length] ?? [] };
}

/** The same for a component, which is drawn anew when it changes. */
export function useLineOf(ref: string): LineLook {
  useStore(dashes);
  return lineOf(ref);
}

/** A run's colour as a canvas takes it. */
export function inkOf(ref: string, isDark: boolean): string {
  return (isDark ? ON_DARK : ON_LIGHT)[colorIndex(ref)] ?? "#888888";
}

/** Colours for what is no run, such as a metric or a group: the first, the second, ... */
export function inkAt(place: number, isDark: boolean): string {
  const colors = isDark ? ON_DARK : ON_LIGHT;
  return colors[place % colors.length] ?? "#888888";
}

/** The same as CSS takes it. */
export function colorAt(place: number): string {
  const at = place % ON_LIGHT.length;
  return `light-dark(${ON_LIGHT[at]}, ${ON_DARK[at]})`;
}

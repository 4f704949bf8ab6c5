/** How long ago runs were begun: in as few units as tell the runs of a table apart, all from the same moment. */
import { useEffect, useMemo, useState } from "preact/hooks";

export interface Ages {
  /** Seconds since the epoch. */
  now: number;
  /** How many units are said: `3 d ago`, or `3 d 4 h ago`. */
  units: number;
}

const UNITS: readonly [string, number][] = [["y", 365 * 86_400], ["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];
const MOST_UNITS = 3;
const MOST_COMPARED = 500;
/** So many of the moments that differ should have a text of their own. */
const APART = 0.8;
const TICK_MS = 20_000;

/** `19 d 4 h ago`; units of which there are none are left out. */
export function age(at: number, { now, units }: Ages): string {
  let left = Math.round(now - at);
  const first = UNITS.findIndex(([, length]) => left >= length);
  if (first < 0) return "now";
  const parts = [];
  for (const [name, length] of UNITS.slice(first, first + units)) {
    const amount = Math.floor(left / length);
    left -= amount * length;
    if (amount) parts.push(`${amount} ${name}`);
  }
  return `${parts.join(" ")} ago`;
}

/** How few units tell most of these moments apart. */
export function unitsApart(times: readonly number[], now: number): number {
  const different = new Set(times.slice(0, MOST_COMPARED));
  for (let units = 1; units < MOST_UNITS; units++) {
    const texts = new Set([...different].map((at) => age(at, { now, units })));
    if (texts.size >= APART * different.size) return units;
  }
  return MOST_UNITS;
}

/** The ages of these moments, which grow by themselves. */
export function useAges(times: readonly number[]): Ages {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  const latest = Math.max(now, ...times.slice(0, 1)); // of a run that was begun since the last tick
  return useMemo(() => ({ now: latest, units: unitsApart(times, latest) }), [times, latest]);
}

/** From where to where the y axis goes. */
import type { Curve } from "./types";
import type { Spots } from "./spots";

export type Range = readonly [low: number, high: number];

/** How much of the values, at either end, are outliers. */
const OUTLYING = 0.01;
const PADDING = 0.05;

/** One line as it is drawn, for its extent. */
export interface Drawn {
  spots: Spots;
  curve: Curve;
  /** Whether the range of each bucket is drawn. */
  withRanges: boolean;
}

/** The lowest and highest value that is drawn with x between `min` and `max`; undefined where there is none. */
export function extent(lines: readonly Drawn[], min: number, max: number, isLog: boolean, robust: boolean): Range | undefined {
  const values: number[] = [];
  const take = (value: number | null | undefined) => {
    if (value !== null && value !== undefined && Number.isFinite(value) && (!isLog || value > 0)) values.push(value);
  };
  for (const { spots, curve, withRanges } of lines) {
    const hasRanges = curve.hasRanges;
    for (const edge of [min, max]) take(between(spots, edge));
    spots.x.forEach((x, place) => {
      if (x < min || x > max) return;
      const cell = spots.cells[place];
      take(spots.y[place]);
      if (robust || !cell || (hasRanges && !withRanges)) return;
      take(cell.low);
      take(cell.high);
    });
  }
  if (!values.length) return undefined;
  values.sort((a, b) => a - b);
  const skipped = robust ? Math.floor(values.length * OUTLYING) : 0;
  return [values[skipped] ?? 0, values[values.length - 1 - skipped] ?? 0];
}

/** Where a line crosses `x` between two of its places; undefined at a place, in a gap, and beyond the ends. */
function between({ x: all, y }: Spots, x: number): number | undefined {
  const behind = all.findIndex((one) => one > x);
  const [before, after] = [all[behind - 1], all[behind]];
  const [low, high] = [y[behind - 1], y[behind]];
  if (before === undefined || after === undefined || before === x || typeof low !== "number" || typeof high !== "number") return undefined;
  return low + ((high - low) * (x - before)) / (after - before);
}

/** The range of an axis that shows this extent, with some room. */
export function padded(found: Range | undefined, isLog: boolean): Range {
  if (!found) return isLog ? [0.1, 10] : [0, 1];
  const [low, high] = found;
  if (isLog) {
    const room = Math.max((high / low) ** PADDING, 1.05);
    return [low / room, high * room];
  }
  if (low === high) return low === 0 ? [-1, 1] : [low - Math.abs(low) * 0.1, high + Math.abs(high) * 0.1];
  const room = (high - low) * PADDING;
  // An axis that nearly begins at zero begins there.
  return [low >= 0 && low - room < 0 ? 0 : low - room, high <= 0 && high + room > 0 ? 0 : high + room];
}

export function joined(ranges: Iterable<Range | undefined>): Range | undefined {
  let found: Range | undefined;
  for (const one of ranges) if (one) found = found ? [Math.min(found[0], one[0]), Math.max(found[1], one[1])] : one;
  return found;
}

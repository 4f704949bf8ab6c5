/**
 * Smoothing: an exponential moving average, debiased as TensorBoard's is.
 *
 * A bucket stands for `count` points, so it counts as often: alpha to the power of `count`. An average that takes each
 * bucket for one point would smooth over hundreds of times as many steps as were asked for, and bend ramps.
 */
import type { Curve } from "./types";

/** How far an average has come: the sum so far, and over how many points. */
export interface Averaged {
  sum: number;
  points: number;
}

export const NOTHING: Averaged = { sum: 0, points: 0 };

/** Take in `count` points with this mean. */
export function takeIn(state: Averaged, alpha: number, mean: number, count: number): Averaged {
  const kept = alpha ** count;
  return { sum: state.sum * kept + mean * (1 - kept), points: state.points + count };
}

/** The average as it stands. */
export function averageOf(state: Averaged, alpha: number): number {
  return state.sum / (1 - alpha ** state.points);
}

/** The average after each cell; null stays null. `before` is what came before the first cell. */
export function smoothed(curve: Curve, alpha: number, before: Averaged = NOTHING): (number | null)[] {
  let state = before;
  return curve.cells.map((cell) => {
    if (cell.mean === null) return null;
    if (alpha <= 0) return cell.mean;
    state = takeIn(state, alpha, cell.mean, Math.max(1, cell.count));
    return averageOf(state, alpha);
  });
}

/** What a curve comes to up to `x`: where an average of a part that was zoomed into begins. */
export function before(curve: Curve | undefined, width: number, alpha: number, x: number): Averaged {
  let state = NOTHING;
  for (const cell of curve?.cells ?? []) {
    const begin = cell.cell * (width || 1);
    if (begin >= x) break;
    if (cell.mean === null) continue;
    // Of the cell in which the part begins only so many points lie before it.
    const share = width ? Math.min(1, (x - begin) / width) : 1;
    state = takeIn(state, alpha, cell.mean, Math.max(1, cell.count) * share);
  }
  return state;
}

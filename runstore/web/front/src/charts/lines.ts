/** From the data of a chart to the lines that are drawn. */
import { colorAt, inkAt, inkOf, lineOf } from "../parts/colors";
import { STEP } from "./axes";
import type { PlotLine } from "./plot";
import { type Range, joined } from "./ranges";
import { before, smoothed } from "./smooth";
import { spotsOf } from "./spots";
import type { ChartData, ChartRun, Curve } from "./types";

/** For more runs than these only what stands out is drawn beside a line, but for the run under the pointer. */
export const RANGES_FOR = 5;
/** For more runs than these what was smoothed is not drawn below the smooth line. */
const RAW_FOR = 10;

export interface Looks {
  smooth: number;
  isDark: boolean;
  /** Runs whose ranges are drawn though there are many. */
  ranges: (ref: string) => boolean;
  /** Lines are groups of runs: their ranges are what matters. */
  areGroups: boolean;
}

export function linesOf(data: ChartData, whole: ChartData | undefined, runs: readonly ChartRun[], looks: Looks): PlotLine[] {
  const isSteps = data.x === STEP;
  const byRef = new Map(data.curves.map((curve) => [curve.ref, curve]));
  return runs.flatMap(({ ref, name, color: place }) => {
    const curve = byRef.get(ref);
    if (!curve) return [];
    const raw = spotsOf(curve, means(curve), data.width, isSteps);
    const spots = looks.smooth ? spotsOf(curve, smoothed(curve, looks.smooth, start(curve, data, whole, looks.smooth)), data.width, isSteps) : raw;
    const { color, dash } = place === undefined ? lineOf(ref) : { color: colorAt(place), dash: [] };
    const ink = place === undefined ? inkOf(ref, looks.isDark) : inkAt(place, looks.isDark);
    const withRanges = curve.hasRanges && (looks.areGroups || runs.length <= RANGES_FOR || looks.ranges(ref));
    return [{ ref, name, color, dash, ink, curve, spots, raw, showsRaw: raw !== spots && runs.length <= RAW_FOR, withRanges }];
  });
}

function means(curve: Curve): (number | null)[] {
  return curve.cells.map((cell) => cell.mean);
}

/** What a part that was zoomed into goes on from: an average that begins there anew would start with a bend. */
function start(curve: Curve, data: ChartData, whole: ChartData | undefined, alpha: number) {
  const all = whole === data ? undefined : whole?.curves.find((one) => one.ref === curve.ref);
  return before(all, whole?.width ?? 0, alpha, (curve.cells[0]?.cell ?? 0) * (data.width || 1));
}

/** From where to where the x axis of all data goes. */
export function span(data: ChartData | undefined): Range | undefined {
  return joined((data?.curves ?? []).map((curve) => [curve.first[0], curve.final[0]] as const));
}


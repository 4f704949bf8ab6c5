/** Parts of charts, as a server would answer them: of some of the runs, of a part of the x axis. */
import type { ChartData, Curve, Spot } from "../charts/types";

/** The curves of some runs. */
export function ofRuns(chart: ChartData, refs: readonly string[]): ChartData {
  const wanted = new Set(refs);
  return { ...chart, curves: chart.curves.filter((curve) => wanted.has(curve.ref)), lacking: chart.lacking.filter((ref) => wanted.has(ref)) };
}

/** The buckets that reach into what is from `min` up to, not including, `max`; either may be left open. */
export function windowed(chart: ChartData, min = -Infinity, max = Infinity): ChartData {
  if (min === -Infinity && max === Infinity) return chart;
  const curves = chart.curves.map((curve) => cut(curve, chart.width, min, max)).filter((curve) => curve.cells.length);
  return { ...chart, curves };
}

function cut(curve: Curve, width: number, min: number, max: number): Curve {
  const isInside = (cell: number) => (width ? (cell + 1) * width > min && cell * width < max : cell >= min && cell < max);
  const cells = curve.cells.filter(({ cell }) => isInside(cell));
  const [begin, end] = [curve.cells.indexOf(cells[0]!), curve.cells.indexOf(cells.at(-1)!)];
  return { ...curve, cells, first: beside(curve, begin - 1, width) ?? curve.first, final: beside(curve, end + 1, width) ?? curve.final };
}

/** The place and mean of a bucket beside the window, to which the line leads; undefined where there is none. */
function beside(curve: Curve, place: number, width: number): Spot | undefined {
  const cell = place < 0 ? undefined : curve.cells[place];
  return cell && [cell.cell * (width || 1), cell.mean];
}

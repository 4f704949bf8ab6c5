/** Charts from the data in the file: stands in the place of charts/asking.ts. */
import { decoded } from "../charts/decode";
import type { ChartData, Want } from "../charts/types";
import { ApiError } from "./api";
import { ofRuns, windowed } from "./cutting";
import { exported } from "./data";

const known = new Map<string, ChartData>();

export async function askChart(refs: readonly string[], want: Want): Promise<ChartData> {
  const axis = axisOf(want);
  if (axis === undefined) {
    throw new ApiError(404, "This file has charts by the step or the axis that was defined, and by the time since the start.");
  }
  return windowed(ofRuns(chart(axis, want.key), refs), want.min, want.max);
}

/** Under which axis the file has what is wanted: that of this name, or the one that was defined, where that is it. */
function axisOf({ x, key }: Want): string | undefined {
  if (exported.charts[x]?.[key]) return x;
  return Object.entries(exported.charts).find(([, charts]) => charts[key]?.x === x)?.[0];
}

function chart(axis: string, key: string): ChartData {
  const name = `${axis}\n${key}`;
  const found = known.get(name) ?? decoded(exported.charts[axis]![key]!, exported.runs.map((run) => run.ref));
  known.set(name, found);
  return found;
}

/** From what the server sends to curves, and new points to curves that are there already. */
import { unpackedColumn } from "./columns";
import type { Cell, ChartData, Curve, SentChart, SentLine, SentSpikes } from "./types";

/** More cells than this, and the chart is asked for anew on a coarser grid. */
const MOST_CELLS = 600;
const MOST_EXACT = 1000;

/** A chart as it was sent for these refs. */
export function decoded(sent: SentChart, refs: readonly string[]): ChartData {
  const named = (run: number): string => refs[run] ?? "";
  return {
    key: sent.key,
    x: sent.x,
    width: sent.width,
    curves: sent.lines.map((line) => curve(line, named(line.run), sent.width)),
    lacking: (sent.lacking ?? []).map(named),
  };
}

function curve(line: SentLine, ref: string, width: number): Curve {
  const cells: Cell[] = [];
  const counts = unpacked(line.count);
  const means = unpackedColumn(line.mean);
  const [lows, highs] = [line.low && unpackedColumn(line.low), line.high && unpackedColumn(line.high)];
  let at = 0;
  line.cells.forEach((number, place) => {
    at = width ? at + number : number;
    const cell: Cell = { cell: at, mean: means[place] ?? null, count: counts[place] ?? 0, odd: 0 };
    if (lows && highs) Object.assign(cell, { low: lows[place] ?? null, high: highs[place] ?? null });
    cells.push(cell);
  });
  line.odd?.forEach((place, which) => {
    const cell = cells[place];
    if (cell) cell.odd = line.oddities?.[which] ?? 1;
  });
  markSpikes(cells, line.below, (cell, value) => Object.assign(cell, value === undefined ? { below: true } : { below: true, low: value }));
  markSpikes(cells, line.above, (cell, value) => Object.assign(cell, value === undefined ? { above: true } : { above: true, high: value }));
  const [first, final] = line.ends;
  return {
    ref,
    cells,
    first: [first, line.values[0]],
    final: [final, line.values[1]],
    hasRanges: line.low !== undefined || cells.every((cell) => cell.count <= 1),
  };
}

function markSpikes(cells: readonly Cell[], spikes: SentSpikes | undefined, mark: (cell: Cell, value: number | null | undefined) => void): void {
  if (!spikes) return;
  const values = spikes.values && unpackedColumn(spikes.values);
  spikes.at.forEach((place, which) => {
    const cell = cells[place];
    if (cell) mark(cell, values?.[which]);
  });
}

/** Numbers that were sent as pairs of a number and how often it comes. */
export function unpacked(pairs: readonly number[]): number[] {
  const found: number[] = [];
  for (let place = 0; place < pairs.length; place += 2) {
    const [value = 0, times = 0] = [pairs[place], pairs[place + 1]];
    for (let turn = 0; turn < times; turn++) found.push(value);
  }
  return found;
}

/** For each ref the cell from which on news are to be asked for; null: everything is. */
export function lastCells(data: ChartData, refs: readonly string[]): (number | null)[] {
  return refs.map((ref) => data.curves.find((one) => one.ref === ref)?.cells.at(-1)?.cell ?? null);
}

/** The chart with news, which were asked for with `lastCells`; undefined where it has to be asked for anew. */
export function appended(data: ChartData, news: ChartData): ChartData | undefined {
  if (news.width !== data.width || news.x !== data.x) return undefined;
  const fresh = new Map(news.curves.map((one) => [one.ref, one]));
  const curves = data.curves.map((old) => {
    const one = fresh.get(old.ref);
    fresh.delete(old.ref);
    if (!one) return old;
    const begin = one.cells[0]?.cell ?? Infinity;
    const cells = [...old.cells.filter((cell) => cell.cell < begin), ...one.cells];
    return { ...old, cells, final: one.final, hasRanges: old.hasRanges && one.hasRanges };
  });
  curves.push(...fresh.values());
  return isTooFine(curves, data.width) ? undefined : { ...data, curves };
}

function isTooFine(curves: readonly Curve[], width: number): boolean {
  const first = Math.min(...curves.map((one) => one.cells[0]?.cell ?? Infinity));
  const last = Math.max(...curves.map((one) => one.cells.at(-1)?.cell ?? -Infinity));
  if (curves.some((one) => one.cells.length > MOST_CELLS)) return true;
  if (width > 1 || (width && width < 1)) return last - first > MOST_CELLS;
  return curves.reduce((total, one) => total + one.cells.length, 0) > MOST_EXACT * 2;
}

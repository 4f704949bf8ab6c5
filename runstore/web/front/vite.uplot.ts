/**
 * uPlot without what no chart here uses: a quarter of what a browser loads of it.
 *
 * It is one module that makes everything reachable from one class, so a bundler can leave nothing out by itself. What is
 * cut are the last references to other kinds of lines, to its legend and to its own marks of times; the bundler then
 * leaves out what they led to. Where a cut finds not what it cuts, as in another version of uPlot, the build fails.
 */
import type { Plugin } from "vite";

const CUTS: [what: string, before: RegExp, after: string][] = [
  // All but `uPlot.sync`, which its constructor asks for by itself: bars, steps, splines, joins, formats of dates.
  ["static functions", /\nuPlot\.assign = assign;\n[^]*?(?=\nexport \{ uPlot as default \};)/, ""],
  ["the legend", /const showLegend = legend\.show;/, "const showLegend = false;"],
  ["whether an axis is of times", /let isTime = (sc\.time|mode == 1 && scales\[s\.scale\]\.time);/g, "const isTime = false;"],
  ["marks of times", /\n\tconst _(timeAxisSplits|timeAxisVals|timeSeriesVal) +=.*/g, ""],
  ["their formats", /\n\tconst _fmtDate +=.*/, ""],
  ["tables of times", /\nconst \[ timeIncrs(Ms|S), .*/g, ""],
];

/** uPlot as its module has it, without all that. */
export function pruned(code: string): string {
  return CUTS.reduce((text, [what, before, after]) => {
    const without = text.replace(before, after);
    if (without === text) throw new Error(`vite.uplot.ts: uPlot has no longer ${what} where they were; see what to cut now`);
    return without;
  }, code);
}

export function prunedPlots(): Plugin {
  return {
    name: "pruned-plots",
    apply: "build",
    transform: { filter: { id: /uplot\/dist\/uPlot\.esm\.js$/ }, handler: (code) => ({ code: pruned(code), map: null }) },
  };
}

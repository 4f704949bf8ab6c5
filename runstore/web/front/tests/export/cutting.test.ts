import { describe, expect, test } from "vitest";
import type { ChartData, Curve } from "../../src/charts/types";
import { ofRuns, windowed } from "../../src/export/cutting";

const CURVE: Curve = {
  ref: "a",
  cells: [
    { cell: 0, mean: 4, count: 10, odd: 0 },
    { cell: 1, mean: 3, count: 10, odd: 0, high: 9 },
    { cell: 2, mean: null, count: 0, odd: 10 },
    { cell: 4, mean: 1, count: 7, odd: 0 },
  ],
  first: [3, 5],
  final: [47, 0.5],
  hasRanges: false,
};
const CHART: ChartData = {
  key: "loss", x: "_step", width: 10, lacking: ["c"],
  curves: [CURVE, { ...CURVE, ref: "b", cells: [{ cell: 0, mean: 7, count: 3, odd: 0 }] }],
};

describe("a part of a chart in an exported file", () => {
  test("has the lines of the runs that are asked for", () => {
    expect(ofRuns(CHART, ["b"]).curves.map((curve) => curve.ref)).toEqual(["b"]);
    expect(ofRuns(CHART, ["b"]).lacking).toEqual([]);
    expect(ofRuns(CHART, ["a", "c"]).lacking).toEqual(["c"]);
  });

  test("has the buckets that reach into the window, and leads to those beside it", () => {
    const [curve, ...others] = windowed(CHART, 15, 30).curves;
    expect(curve!.cells).toEqual(CURVE.cells.slice(1, 3));
    expect([curve!.first, curve!.final]).toEqual([[0, 4], [40, 1]]);
    expect(others).toEqual([]);
  });

  test("that reaches to an end has the point there", () => {
    const [curve] = windowed(CHART, 35).curves;
    expect([curve!.cells.length, curve!.first, curve!.final]).toEqual([1, [20, null], [47, 0.5]]);
  });

  test("is all of it where there is no window", () => {
    expect(windowed(CHART)).toBe(CHART);
  });

  test("of exact places keeps those inside", () => {
    const exact = { ...CHART, width: 0, curves: [{ ...CURVE, cells: [0.5, 1.5, 2.5].map((cell) => ({ cell, mean: cell, count: 1, odd: 0 })) }] };
    const [curve] = windowed(exact, 1, 2.5).curves;
    expect(curve!.cells.map((cell) => cell.cell)).toEqual([1.5]);
    expect([curve!.first, curve!.final]).toEqual([[0.5, 0.5], [2.5, 2.5]]);
  });
});

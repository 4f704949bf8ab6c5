/** From what the server sends to what is drawn. */
import { describe, expect, test } from "vitest";
import { aligned, nearest } from "../../src/charts/align";
import { unpackedColumn } from "../../src/charts/columns";
import { appended, decoded, lastCells, unpacked } from "../../src/charts/decode";
import { extent, joined, padded } from "../../src/charts/ranges";
import { averageOf, before, NOTHING, smoothed, takeIn } from "../../src/charts/smooth";
import { middle, spotsOf } from "../../src/charts/spots";
import type { Cell, ChartData, Curve, SentLine } from "../../src/charts/types";

function curveOf(cells: Partial<Cell>[], more: Partial<Curve> = {}): Curve {
  const full = cells.map((cell, place) => ({ cell: place, mean: 0, count: 1, odd: 0, ...cell }));
  return { ref: "r", cells: full, first: [0, 0], final: [full.length - 1, 0], hasRanges: false, ...more };
}

const plain = (curve: Curve) => curve.cells.map((cell) => cell.mean);

describe("columns", () => {
  test("numbers come back with their digits and signs", () => {
    expect(unpackedColumn([1, 3, "#%!2101102i0"])).toEqual([23.4, 1.5, 0]);
    expect(unpackedColumn([0, 4, ""])).toEqual([]);
    expect(unpackedColumn([2, 1, "#$57"])).toEqual([500, -700]);
  });

  test("counts come as pairs", () => expect(unpacked([3, 2, 0, 1])).toEqual([3, 3, 0]));
});

const LINE: SentLine = { run: 1, cells: [4, 1, 2], mean: [0, 2, "!#!000000"], count: [5, 3], ends: [8, 15], values: [1, 2] };

describe("lines", () => {
  test("cells are sent as steps between them, spikes and NaN by their place", () => {
    const sent = { ...LINE, odd: [1], oddities: [2], above: { at: [2], values: [1, 2, "#10"] as [number, number, string] } };
    const { curves } = decoded({ key: "k", x: "_step", width: 2, lines: [sent], lacking: [0] }, ["a", "b"]);
    expect(curves[0]?.ref).toBe("b");
    expect(curves[0]?.cells.map((cell) => cell.cell)).toEqual([4, 5, 7]);
    expect(curves[0]?.cells[1]?.odd).toBe(2);
    expect(curves[0]?.cells[2]).toMatchObject({ above: true, high: 10 });
    expect(curves[0]?.hasRanges).toBe(false);
  });

  test("news take the place of the last cell and stand behind it", () => {
    const one = (cells: Partial<Cell>[], final: number): ChartData => ({ key: "k", x: "_step", width: 4, lacking: [], curves: [curveOf(cells, { final: [final, 0] })] });
    const old = one([{ cell: 0, mean: 1 }, { cell: 1, mean: 2 }], 6);
    expect(lastCells(old, ["r", "new"])).toEqual([1, null]);
    const grown = appended(old, one([{ cell: 1, mean: 3 }, { cell: 2, mean: 4 }], 9));
    expect(grown?.curves[0] && plain(grown.curves[0])).toEqual([1, 3, 4]);
    expect(grown?.curves[0]?.final[0]).toBe(9);
    expect(appended(old, { ...old, width: 8 })).toBeUndefined();
    expect(appended(old, one([{ cell: 700 }], 2800))).toBeUndefined();
  });

  test("first and last points stand where they were logged", () => {
    const curve = curveOf([{ mean: 5, count: 10 }, { mean: 6, count: 10 }], { first: [0, 9], final: [19, 1] });
    const spots = spotsOf(curve, plain(curve), 10, true);
    expect(spots.x[0]).toBe(0);
    expect(spots.y[0]).toBe(9);
    expect(spots.x.at(-1)).toBe(19);
    expect(spots.y).toEqual([9, 5, 6, 1]);
    expect([...spots.x].sort((a, b) => a - b)).toEqual(spots.x);
  });

  test("a cell with one point at an end is that point", () => {
    const curve = curveOf([{ mean: 9 }, { mean: 6, count: 4 }, { cell: 2, mean: 1 }], { first: [3, 9], final: [28, 1] });
    const spots = spotsOf(curve, plain(curve), 10, true);
    expect(spots.x).toEqual([3, 14.5, 28]);
  });

  test("points beside a window lead to its edges", () => {
    const curve = curveOf([{ cell: 5, mean: 2 }], { first: [1, 7], final: [90, 8] });
    expect(spotsOf(curve, plain(curve), 1, true)).toMatchObject({ x: [1, 5, 90], y: [7, 2, 8] });
    const none = curveOf([], { first: [1, 7], final: [90, 8] });
    expect(spotsOf(none, [], 1, true).x).toEqual([1, 90]);
  });

  test("the middle of whole steps", () => {
    expect(middle(2, 4, true)).toBe(9.5);
    expect(middle(2, 0.5, false)).toBe(1.25);
    expect(middle(7, 0, false)).toBe(7);
  });

  test("lines stand above one x; gaps are null, and what a line lacks is not a gap", () => {
    const found = aligned([
      { x: [0, 2, 4], y: [1, null, 3], cells: [] },
      { x: [1, 2], y: [5, 6], cells: [] },
    ]);
    expect(found.x).toEqual([0, 1, 2, 4]);
    expect(found.y).toEqual([[1, undefined, null, 3], [undefined, 5, 6, undefined]]);
    expect([...(found.places[0] ?? [])]).toEqual([0, -1, 1, 2]);
    expect([nearest(found.x, 3.2), nearest(found.x, -9), nearest(found.x, 99), nearest([], 1)]).toEqual([3, 0, 3, -1]);
  });
});

describe("smoothing", () => {
  /** TensorBoard's average of points, one by one. */
  const reference = (values: number[], alpha: number) => {
    let last = 0;
    return values.map((value, place) => {
      last = last * alpha + (1 - alpha) * value;
      return last / (1 - alpha ** (place + 1));
    });
  };
  const noisy = Array.from({ length: 4000 }, (_, at) => Math.exp(-at / 800) + 0.1 * Math.sin(at * 12.9898) * Math.cos(at * 78.233));
  const bucketed = (size: number) =>
    curveOf(Array.from({ length: noisy.length / size }, (_, at) => ({ mean: noisy.slice(at * size, (at + 1) * size).reduce((a, b) => a + b) / size, count: size })));

  test.each([0.5, 0.9, 0.99])("of single points it is TensorBoard's (%f)", (alpha) => {
    const found = smoothed(bucketed(1), alpha);
    reference(noisy, alpha).forEach((value, at) => expect(found[at]).toBeCloseTo(value, 10));
  });

  test.each([[0.9, 4], [0.99, 10], [0.999, 40], [0.9, 40]])("of buckets it is near that of all points (%f, %i)", (alpha, size) => {
    const exact = reference(noisy, alpha);
    const worst = Math.max(...smoothed(bucketed(size), alpha).map((value, at) => Math.abs((value ?? 0) - (exact[(at + 1) * size - 1] ?? 0))));
    expect(worst).toBeLessThan(0.05);
    // An average that takes buckets for points is far off.
    const naive = reference(bucketed(size).cells.map((cell) => cell.mean ?? 0), alpha);
    const far = Math.max(...naive.map((value, at) => Math.abs(value - (exact[(at + 1) * size - 1] ?? 0))));
    if (size >= 10) expect(far).toBeGreaterThan(2 * worst);
  });

  test("gaps stay, and don't end it", () => {
    const found = smoothed(curveOf([{ mean: 1 }, { mean: null, count: 0 }, { mean: 1 }]), 0.9);
    expect(found[1]).toBeNull();
    expect(found[2]).toBeCloseTo(1);
  });

  test("a part that is zoomed into goes on from what was before it", () => {
    const all = bucketed(1);
    const part = { ...all, cells: all.cells.slice(2000, 2100) };
    const whole = smoothed(all, 0.99);
    const found = smoothed(part, 0.99, before(bucketed(8), 8, 0.99, 2000));
    found.forEach((value, at) => expect(Math.abs((value ?? 0) - (whole[2000 + at] ?? 0))).toBeLessThan(0.01));
    expect(before(undefined, 8, 0.99, 2000)).toBe(NOTHING);
    expect(averageOf(takeIn(NOTHING, 0.9, 5, 3), 0.9)).toBeCloseTo(5);
  });
});

describe("ranges", () => {
  const drawn = (y: (number | null)[], cells: (Cell | undefined)[] = [], withRanges = true) => {
    const curve = curveOf([], { hasRanges: true });
    return { spots: { x: y.map((_, at) => at), y, cells }, curve, withRanges };
  };
  const cell: Cell = { cell: 0, mean: 1, count: 5, odd: 0, low: -3, high: 90 };

  test("everything that is drawn counts, and nothing outside of x", () => {
    expect(extent([drawn([1, 2, null, 50])], 0, 2, false, false)).toEqual([1, 2]);
    expect(extent([drawn([1, 2], [cell])], 0, 2, false, false)).toEqual([-3, 90]);
    expect(extent([drawn([1, 2], [cell], false)], 0, 2, false, false)).toEqual([1, 2]);
    expect(extent([drawn([-1, 2], [cell])], 0, 2, true, false)).toEqual([2, 90]);
    expect(extent([drawn([null])], 0, 2, false, false)).toBeUndefined();
    expect(extent([drawn([0, 4, 0])], 0.25, 0.75, false, false)).toEqual([1, 3]);
  });

  test("outliers can be left out", () => {
    const many = Array.from({ length: 300 }, (_, at) => (at === 77 ? 1000 : at % 10));
    expect(extent([drawn(many)], 0, 300, false, true)).toEqual([0, 9]);
  });

  test("axes have some room, and begin at zero where that is near", () => {
    expect(padded([0.001, 10], false)).toEqual([0, 10.49995]);
    expect(padded([5, 5], false)).toEqual([4.5, 5.5]);
    expect(padded([0, 0], false)).toEqual([-1, 1]);
    expect(padded(undefined, true)).toEqual([0.1, 10]);
    expect(padded([1, 100], true)[0]).toBeLessThan(1);
    expect(joined([[1, 2], undefined, [0, 1]])).toEqual([0, 2]);
  });
});

import { describe, expect, test } from "vitest";
import { axisOf, rounds } from "../src/sweeps/axes";
import { brushesOf, brushesText, brushOf, chosen, span } from "../src/sweeps/brushes";
import { narrowed } from "../src/sweeps/groups";
import { nearest } from "../src/sweeps/parallel";
import { withColumn } from "../src/sweeps/picker";
import { moved } from "../src/sweeps/sweep";
import { sorted } from "../src/sweeps/table";

describe("an axis", () => {
  test("of numbers that span much is one of powers of ten", () => {
    const axis = axisOf("config.lr", [1e-4, 1e-1, null, 1e-2]);
    expect(axis.isLog).toBe(true);
    expect(axis.place(1e-4)).toBeCloseTo(0);
    expect(axis.place(1e-1)).toBeCloseTo(1);
    expect(axis.place(10 ** -2.5)).toBeCloseTo(0.5);
    expect(axis.place(0)).toBeUndefined();
    expect(axisOf("config.lr", [1e-4, 1e-1], false).isLog).toBe(false);
    expect(axisOf("loss", [-1, 1e9], true).isLog).toBe(false);
  });

  test("has no place for what is not there, or not finite", () => {
    const axis = axisOf("summary.loss", [0.5, "NaN", 1, null]);
    expect(axis.kind).toBe("number");
    expect(axis.place("NaN")).toBeUndefined();
    expect(axis.place(null)).toBeUndefined();
  });

  test("of texts, or of texts and numbers, has a place for each", () => {
    const axis = axisOf("config.arch", ["vit", "mlp", true, 3]);
    expect(axis.kind).toBe("category");
    expect(new Set(["vit", "mlp", true, 3].map((value) => axis.place(value))).size).toBe(4);
    expect(axisOf("config.arch", ["one"]).place("one")).toBe(0.5);
  });

  test("of one number has it in its middle", () => {
    expect(axisOf("x", [3, 3]).place(3)).toBeCloseTo(0.5);
    expect(axisOf("x", [0]).place(0)).toBeCloseTo(0.5);
  });

  test("has round numbers beside it", () => {
    expect(rounds(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(rounds(-0.052, 0.71)).toEqual([0, 0.2, 0.4, 0.6]);
    expect(rounds(2, 12)).toEqual([2, 4, 6, 8, 10, 12]);
  });
});

describe("ranges", () => {
  const sweep = {
    total: 3, refs: ["a", "b", "c"], names: ["a", "b", "c"], states: [], columns: ["config.lr", "config.arch"],
    values: [[0.1, 0.01, null], ["vit", "mlp", "vit"]],
  };

  test("choose the runs that are inside all of them", () => {
    expect([...chosen(sweep, {})]).toEqual([0, 1, 2]);
    expect([...chosen(sweep, { "config.lr": { low: 0.01, high: 0.05 } })]).toEqual([1]);
    expect([...chosen(sweep, { "config.arch": { texts: ["vit"] } })]).toEqual([0, 2]);
    expect([...chosen(sweep, { "config.lr": { low: 0, high: 1 }, "config.arch": { texts: ["vit"] } })]).toEqual([0]);
    expect([...chosen(sweep, { "config.gone": { low: 0, high: 1 } })]).toEqual([0, 1, 2]);
  });

  test("to the ends of an axis hold what lies there", () => {
    const axis = axisOf("loss", [0.123456789, 0.987654321]);
    expect(brushOf(axis, -0.2, 1.3)).toEqual({ low: 0.123456789, high: 0.987654321 });
    expect(span(axis, { low: 0.123456789, high: 5 })).toEqual([0, 1]);
  });

  test("survive the address, whatever the names", () => {
    const brushes = { "config.a~b;c%": { low: -1e-7, high: 2 }, "config.arch": { texts: ["v~i;t", "100%", ""] } };
    expect(brushesOf(brushesText(brushes))).toEqual(brushes);
    expect(brushesOf("nonsense;x~y")).toEqual({});
    expect(brushesOf(null)).toEqual({});
  });

  test("on texts hold those between", () => {
    const axis = axisOf("config.arch", ["a", "b", "c"]);
    expect(brushOf(axis, 0, 0.6)).toEqual({ texts: ["c", "b"] });
    expect(brushOf(axis, 0.1, 0.2)).toBeUndefined();
  });
});

test("the run under the pointer is the one whose line passes it", () => {
  const heights = (run: number) => [[0, 100], [100, 0], [undefined, 50]][run] ?? [];
  expect(nearest([0, 1, 2], heights, 0, 3)).toBe(0);
  expect(nearest([0, 1, 2], heights, 1, 3)).toBe(1);
  expect(nearest([0, 1, 2], heights, 0.1, 50)).toBeUndefined();
});

test("runs without a value come last, whichever way", () => {
  expect(sorted([0, 1, 2, 3], [2, null, 10, "NaN"], false)).toEqual([0, 2, 3, 1]);
  expect(sorted([0, 1, 2, 3], [2, null, 10, "NaN"], true)).toEqual([2, 0, 3, 1]);
});

test("columns move by places, and config stays before metrics", () => {
  expect(moved(["a", "b", "c"], "a", 1)).toEqual(["b", "a", "c"]);
  expect(moved(["a", "b", "c"], "a", -1)).toEqual(["a", "b", "c"]);
  expect(withColumn(["config.a", "summary.x"], "config.b")).toEqual(["config.a", "config.b", "summary.x"]);
  expect(withColumn(["config.a", "summary.x"], "summary.y")).toEqual(["config.a", "summary.x", "summary.y"]);
});

test("the filter of a group quotes texts", () => {
  expect(narrowed("lr<1", "config.arch", { value: 'v"it' })).toBe('lr<1 config.arch:"v\\"it"');
  expect(narrowed("", "config.depth", { value: 4 })).toBe("config.depth:4");
});

/** What stands along axes, in tooltips, in files; how charts are looked at. */
import { describe, expect, test } from "vitest";
import { kindOf, nameOf, placeInWords } from "../../src/charts/axes";
import { logSplits, logTicks, marks } from "../../src/charts/logticks";
import { lineName, machineCharts, machineSection } from "../../src/charts/machine";
import { escaped } from "../../src/charts/picture";
import { cell, nameOfFile } from "../../src/charts/saving";
import { OWN, PLAIN, sectionsOf } from "../../src/charts/sections";
import { chartView, finds, isLog, look, toggled, zoomTo } from "../../src/charts/view";
import { lasting, ticks, times, value4 } from "../../src/charts/words";
import { colorIndex, lineOf, noteShown } from "../../src/parts/colors";

describe("numbers", () => {
  test("ticks have one unit, and as many digits as it takes", () => {
    expect(ticks([0, 250_000, 500_000], 250_000)).toEqual(["0", "250k", "500k"]);
    expect(ticks([0, 500_000, 1_000_000], 500_000)).toEqual(["0", "0.5M", "1M"]);
    expect(ticks([0, 2000, 4000], 2000)).toEqual(["0", "2,000", "4,000"]);
    expect(ticks([0, 0.25, 0.5], 0.25)).toEqual(["0", "0.25", "0.5"]);
    expect(ticks([0.00025, 0.0005], 0.00025)).toEqual(["2.5×10⁻⁴", "5×10⁻⁴"]);
    expect(ticks([-1e-9, 0, 1e-9], 1e-9)).toEqual(["-10⁻⁹", "0", "10⁻⁹"]);
    expect(ticks([654_305, 654_310], 5)).toEqual(["654,305", "654,310"]);
    expect(ticks([0, 0], 1)).toEqual(["0", "0"]);
    expect(ticks([1e20], 1e20)).toEqual(["10²⁰"]);
  });

  test("logarithmic axes are marked by powers, or by round numbers where there is none", () => {
    expect(logTicks(logSplits(1e-8, 1))).toEqual(["10⁻⁸", "10⁻⁶", "10⁻⁴", "0.01", "1"]);
    expect(logSplits(1, 50)).toEqual([1, 2, 5, 10, 20, 50]);
    expect(logSplits(11_100, 13_200)).toEqual([12_000, 13_000]);
    expect(logSplits(0, 5)).toEqual([]);
    expect(marks(0, 10, 4)).toEqual([0, 5, 10]);
    expect(marks(0, 7200, 3, [600, 3600])).toEqual([0, 3600, 7200]);
    expect(marks(3, 3, 4)).toEqual([3]);
  });

  test("values have four digits that count", () => {
    expect([0.0032712, 12_345.6, 1.23456e-7, 0, -2.5].map(value4)).toEqual(["0.003271", "12,346", "1.235×10⁻⁷", "0", "-2.5"]);
    expect([null, Infinity, -Infinity].map(value4)).toEqual(["NaN", "∞", "-∞"]);
  });

  test("lengths of time and times of day", () => {
    expect([4.25, 200, 7500, 100_000, -60].map(lasting)).toEqual(["4.25 s", "3 min 20 s", "2 h 5 min", "1 d 3 h", "-1 min"]);
    const noon = new Date(2024, 4, 1, 12).getTime() / 1000;
    expect(times([noon, noon + 3600], 3600)).toEqual(["12:00\n1 May", "13:00"]);
    expect(times([noon], 86_400)).toEqual(["1 May"]);
  });

  test("places along x in words", () => {
    expect(placeInWords("_step", 5, 4, 3)).toBe("steps 12 – 15");
    expect(placeInWords("_step", 12_345, 1)).toBe("step 12,345");
    expect(placeInWords("_runtime", 90, 0)).toBe("after 1 min 30 s");
    expect(placeInWords("epoch", 1.5, 0)).toBe("epoch 1.5");
    expect([kindOf("_timestamp"), kindOf("epoch"), nameOf("_step"), nameOf("epoch")]).toEqual(["time", "value", "step", "epoch"]);
  });
});

describe("files", () => {
  test("texts that a spreadsheet would take for formulas are quoted", () => {
    expect(cell("=1+1")).toBe('"\'=1+1"');
    expect(["+a", "-a", "@a"].map((text) => cell(text).slice(0, 2))).toEqual(["\"'", "\"'", "\"'"]);
    expect(cell('a,"b"')).toBe('"a,""b"""');
    expect(cell("plain")).toBe("plain");
  });

  test("names of files are tame, and texts in pictures are only texts", () => {
    expect(nameOfFile("../train/loss \u0000", "csv")).toBe("train-loss-.csv");
    expect(nameOfFile("///", "png")).toBe("chart.png");
    expect(escaped('<script>"&\u0007')).toBe("&#60;script&#62;&#34;&#38;");
  });
});

describe("sections", () => {
  test("metrics stand under what their names begin with", () => {
    const found = sectionsOf(["val/loss", "lr", "train/b10", "train/b9", "_runtime", "/odd"]);
    expect(found.map(({ name, keys, isShut }) => [name, keys, isShut])).toEqual([
      [PLAIN, ["/odd", "lr"], false],
      ["train", ["train/b9", "train/b10"], false],
      ["val", ["val/loss"], false],
      [OWN, ["_runtime"], true],
    ]);
  });

  test("what is measured of several GPUs is one chart", () => {
    const found = machineCharts(["gpu.1.temp", "gpu.0.temp", "cpu", "gpu.10.temp"]);
    expect(found.get("gpu.*.temp")).toEqual(["gpu.0.temp", "gpu.1.temp", "gpu.10.temp"]);
    expect([lineName("gpu.1.temp", "gpu.*.temp"), lineName("cpu", "cpu")]).toEqual(["gpu 1", "cpu"]);
    expect([machineSection("gpu.*.temp"), machineSection("tpu")]).toEqual(["GPU", "Machine"]);
  });
});

describe("views", () => {
  test("are in the address, whole", () => {
    const keys = ["a,b", "100%"];
    look({ x: "epoch", smooth: 0.9, log: keys, robust: true, shared: true, find: "loss", zoom: { x: "a,b", min: -1.5, max: 2e9 }, large: "k", shut: ["train"], open: ["x"] });
    const view = chartView(new URLSearchParams(location.search));
    expect(view).toEqual({ x: "epoch", smooth: 0.9, log: keys, robust: true, shared: true, find: "loss", zoom: { x: "a,b", min: -1.5, max: 2e9 }, large: "k", shut: ["train"], open: ["x"] });
    look({ x: "", smooth: 0, log: [], robust: false, shared: false, find: "", zoom: undefined, large: "", shut: [], open: [] });
    expect(location.search).toBe("");
  });

  test("parts that are marked have short numbers", () => {
    expect(zoomTo("_step", [9.7, 20.2])).toEqual({ x: "_step", min: 9, max: 21 });
    expect(zoomTo("epoch", [0.123456, 0.234567])).toEqual({ x: "epoch", min: 0.1235, max: 0.2346 });
  });

  test("that make no sense are none", () => {
    const view = chartView(new URLSearchParams("smooth=7&zoom=a,5,1&log="));
    expect([view.smooth, view.zoom, view.log]).toEqual([0, undefined, []]);
    expect([isLog({ ...view, log: ["*"] }, "a"), isLog({ ...view, log: ["*", "a"] }, "a"), isLog({ ...view, log: ["a"] }, "a")]).toEqual([true, false, true]);
    expect(toggled(["a"], "a")).toEqual([]);
    expect([finds("LOSS", "train/loss"), finds("^train/.*s$", "train/loss"), finds("[", "a"), finds("", "a")]).toEqual([true, true, false, true]);
  });
});

describe("colours", () => {
  test("follow from the run alone; of one colour all but the first are dashed", () => {
    const refs = Array.from({ length: 40 }, (_, at) => `p/run${at}`);
    noteShown(refs);
    const looks = refs.map((ref) => JSON.stringify(lineOf(ref)));
    expect(new Set(looks.slice(0, 20)).size).toBe(20);
    expect(new Set(refs.map(colorIndex)).size).toBe(10);
    const color = lineOf("p/run7").color;
    noteShown(["p/run7"]);
    expect(lineOf("p/run7")).toEqual({ color, dash: [] });
  });
});

import { describe, expect, it } from "vitest";
import { classPlace, isHidden } from "../../src/media/classes";
import { binaryOf } from "../../src/media/glb";
import { outline } from "../../src/media/histogram";
import { groundsOf, layersOf } from "../../src/media/layers";
import { classesIn, painted } from "../../src/media/masks";
import { edgesOf, type Point, sceneOf } from "../../src/media/points";
import { binned, ticks } from "../../src/media/presets/bins";
import { type ChartAnswer, drawingOf, type RunLook } from "../../src/media/presets/presets";
import { bySection } from "../../src/media/sections";
import { placeOf, stepIn, undistanced, united } from "../../src/media/steps";
import { turned } from "../../src/media/table";
import type { Picture } from "../../src/media/types";

describe("steps", () => {
  it("come as distances, and those of several runs are one list", () => {
    expect(undistanced([3, 2, 4])).toEqual([3, 5, 9]);
    expect(united([[1, 5], [0, 5, 7]])).toEqual([0, 1, 5, 7]);
    expect(united([])).toEqual([]);
  });
  it("are found by the last one that is not behind", () => {
    expect([undefined, 0, 3, 4, 99].map((step) => placeOf([1, 3, 7], step))).toEqual([2, -1, 1, 1, 2]);
  });
  it("are taken from an address only if they are numbers", () => {
    expect(stepIn(new URLSearchParams("mstep=12"), "mstep")).toBe(12);
    for (const text of ["", "mstep=", "mstep=x", "mstep=1e400", "mstep=9999999999999999999"]) expect(stepIn(new URLSearchParams(text), "mstep")).toBeUndefined();
  });
});

it("keys are in sections by what stands before their last slash, and are found whatever the case", () => {
  const keys = ["a/b/one", "two", "a/b/Three"].map((key) => ({ key, kind: "images" as const, runs: [0] }));
  expect(bySection(keys, "").map(({ name, keys }) => [name, keys.length])).toEqual([["a/b", 2], ["", 1]]);
  expect(bySection(keys, "THREE").map(({ keys }) => keys[0]?.key)).toEqual(["a/b/Three"]);
});

describe("masks", () => {
  const pixels = new Uint8ClampedArray([0, 0, 0, 255, 2, 2, 2, 255, 7, 7, 7, 255]);
  it("are painted by class, and what is hidden is clear", () => {
    const out = painted(pixels, (id) => id !== 7);
    expect([out[3], out[7], out[11]]).toEqual([255, 255, 0]);
    expect([...out.slice(0, 3)]).not.toEqual([...out.slice(4, 7)]);
    expect(classesIn(pixels)).toEqual([0, 2, 7]);
  });
  it("hide the ground at first, unless it has a name of its own", () => {
    const picture = (first: string): Picture => ({ src: "a", name: "a", caption: null, width: 1, height: 1, masks: [{ name: "m", src: "b", classes: { 0: first, 1: "car" } }] });
    expect(isHidden(groundsOf(layersOf([picture("background")])), "m", 0)).toBe(true);
    expect(isHidden(groundsOf(layersOf([picture("sky")])), "m", 0)).toBe(false);
  });
  it("of several pictures are one layer by name", () => {
    const one = { at: [0, 0, 1, 1] as [number, number, number, number], id: 3 };
    const boxes = (id: number) => [{ name: "b", boxes: [{ ...one, id }], count: 1, classes: {} }];
    const pictures = [1, 3].map((id) => ({ src: "a", name: "a", caption: null, width: 1, height: 1, boxes: boxes(id) }));
    expect(layersOf(pictures)).toEqual([{ name: "b", kind: "boxes", ids: [1, 3], classes: {} }]);
    expect(isHidden(new Set([classPlace("b", 3)]), "b", 3)).toBe(true);
    expect(isHidden(new Set(["b"]), "b", 1)).toBe(true);
  });
});

it("bars of a histogram are as high as they are dense", () => {
  expect(outline([2, 2], [0, 1, 3], 0, 3)).toBe("M0.0 120L0.0 2.0L106.7 2.0L106.7 61.0L320.0 61.0L320.0 120Z");
});

describe("point clouds", () => {
  it("have colours from 0 to 255, or categories", () => {
    const scene = sceneOf([[0, 0, 0, 255, 0, 51], [1, 1, 1, 0, 0, 0], [1, null, 2]]);
    expect([...(scene?.colors.slice(0, 3) ?? [])].map((part) => Number(part.toFixed(2)))).toEqual([1, 0, 0.2]);
    expect(scene?.positions.length).toBe(6);
    expect(sceneOf([[0, 0, 0, 2]])?.colors.length).toBe(3);
  });
  it("take nothing from what is no scene", () => {
    expect(sceneOf("x")).toBeUndefined();
    expect(sceneOf({ points: "x", boxes: [{}, { corners: [1] }], vectors: [null, { start: [0, 0, 0], end: [1, 1, 1] }] })).toMatchObject({ count: 0, boxes: [], vectors: [[[0, 0, 0], [1, 1, 1]]] });
  });
  it("know the edges of a box, whichever way its corners are counted", () => {
    const binary = Array.from({ length: 8 }, (_, place): Point => [place & 4, (place & 2) * 2, (place & 1) * 3]);
    const ring: Point[] = [[0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0], [0, 0, 3], [4, 0, 3], [4, 4, 3], [0, 4, 3]];
    for (const corners of [binary, ring]) {
      const lengths = edgesOf(corners).map(([one, other]) => Math.hypot(...[0, 1, 2].map((axis) => (corners[one]?.[axis] ?? 0) - (corners[other]?.[axis] ?? 0))));
      expect(lengths.sort()).toEqual([3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]);
    }
  });
});

describe("presets", () => {
  const runs: RunLook[] = [{ ref: "a", name: "first", color: "red", dash: [] }, { ref: "b", name: "second", color: "blue", dash: [] }];
  const answer = (definition: string, columns: ChartAnswer["runs"][string]["columns"], refs = ["a"]): ChartAnswer => ({
    definition, texts: { title: "T" }, fields: { x: "step" }, runs: Object.fromEntries(refs.map((ref) => [ref, { columns: columns ?? {} }])),
  });
  it("draw a line for each stroke, and leave out what is no number", () => {
    const [drawing] = drawingOf(answer("wandb/line/v0", { x: [0, 1, 2], y: [5, null, 7], stroke: ["u", "u", "v"] }), runs);
    expect(drawing).toMatchObject({ kind: "lines", title: "T", x: "step", series: [{ name: "u", points: [[0, 5]] }, { name: "v", points: [[2, 7]] }] });
  });
  it("draw several runs in their colours", () => {
    const [drawing] = drawingOf(answer("wandb/scatter/v0", { x: [1], y: [2] }, ["a", "b"]), runs);
    expect(drawing?.kind === "dots" && drawing.series.map((one) => [one.name, one.color])).toEqual([["first", "red"], ["second", "blue"]]);
  });
  it("count a confusion matrix by class", () => {
    const columns = { Actual: ["cat", "cat", "dog"], Predicted: ["cat", "dog", "dog"], nPredictions: [3, 1, 4] };
    expect(drawingOf(answer("wandb/confusion_matrix/v1", columns), runs)).toMatchObject([{ kind: "matrix", classes: ["cat", "dog"], counts: [[3, 1], [0, 4]] }]);
  });
  it("leave definitions that are not known to a table", () => {
    expect(drawingOf(answer("somebody/else/v0", { x: [1] }), runs)).toEqual([]);
  });
  it("put the numbers of all runs into the same bins", () => {
    expect(binned([[0, 10], [5]], 2)).toEqual({ edges: [0, 5, 10], counts: [[1, 1], [0, 1]] });
    expect(binned([[4, 4]], 1)).toEqual({ edges: [3.5, 4.5], counts: [[2]] });
    expect(binned([[]], 2).edges).toEqual([]);
  });
  it("have round ticks", () => {
    expect(ticks(-0.3, 1)).toEqual([0, 0.5, 1]);
    expect(ticks(3, 3)).toEqual([3]);
  });
});

it("a column is sorted upwards, then downwards, then not at all", () => {
  const up = turned({ sort: "", descending: false }, "a");
  const down = turned(up, "a");
  expect([up, down, turned(down, "a"), turned(down, "b")]).toEqual([
    { sort: "a", descending: false }, { sort: "a", descending: true }, { sort: "", descending: false }, { sort: "b", descending: false },
  ]);
});

describe("glTF", () => {
  it("with its buffer in a data URL becomes binary, and is otherwise as it was", () => {
    const model = { asset: { version: "2.0" }, buffers: [{ byteLength: 3, uri: `data:application/octet-stream;base64,${btoa("abc")}` }] };
    const made = binaryOf(JSON.stringify(model));
    if (typeof made === "string") throw new Error("it is still text");
    const view = new DataView(made);
    const textSize = view.getUint32(12, true);
    expect([view.getUint32(8, true), view.getUint32(20 + textSize, true), textSize % 4]).toEqual([made.byteLength, 4, 0]);
    expect(JSON.parse(new TextDecoder().decode(new Uint8Array(made, 20, textSize)))).toEqual({ asset: { version: "2.0" }, buffers: [{ byteLength: 3 }] });
    expect([...new Uint8Array(made, 28 + textSize)]).toEqual([97, 98, 99, 0]);
    expect(binaryOf(JSON.stringify({ buffers: [{ byteLength: 1, uri: "other.bin" }] }))).toContain("other.bin");
  });
});

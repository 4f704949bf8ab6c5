import { describe, expect, it } from "vitest";
import { nextOf, spansOf } from "../../src/logs/finding";
import { type ConsoleLog, layoutOf, rowAt, rowOf } from "../../src/logs/layout";

const log = (number: number, count: number, open: string[] = []): ConsoleLog => ({
  log: number, path: `run-${number}`, kind: "start", started_at: number, count, open: open.map((text) => ({ stream: "stdout", text })),
});

const shown = (logs: ConsoleLog[]) => {
  const layout = layoutOf(logs);
  return Array.from({ length: layout.total + 1 }, (_, row) => {
    const at = rowAt(layout, row);
    return at && (at.is === "line" ? `${at.log.log}:${at.line}` : at.is === "open" ? at.open.text : `# ${at.log.path}`);
  });
};

describe("the rows of a console", () => {
  it("are the lines of its log, and the one that is not ended", () => {
    expect(shown([log(7, 2, ["half"])])).toEqual(["7:0", "7:1", "half", undefined]);
  });

  it("have a heading before each of several logs", () => {
    expect(shown([log(7, 1), log(8, 0), log(9, 1, ["x", "y"])])).toEqual(["# run-7", "7:0", "# run-9", "9:0", "x", "y", undefined]);
  });

  it("are found by log and line", () => {
    const layout = layoutOf([log(7, 2), log(9, 3)]);
    expect([rowOf(layout, 7, 1), rowOf(layout, 9, 0), rowOf(layout, 9, 3), rowOf(layout, 8, 0)]).toEqual([2, 4, -1, -1]);
  });

  it("may be none, or a million", () => {
    expect(layoutOf([]).total).toBe(0);
    expect(rowAt(layoutOf([log(1, 1_000_000)]), 999_999)).toMatchObject({ line: 999_999 });
    expect(rowAt(layoutOf([log(1, 3)]), -1)).toBeUndefined();
  });
});

describe("a search", () => {
  it("marks texts as they are, whatever their case, and colours don't count", () => {
    expect(spansOf({ text: "1.", regex: false, case: false })("1x 1.\x1b[1m1.")).toEqual([[3, 5], [5, 7]]);
    expect(spansOf({ text: "LOSS", regex: false, case: false })("a loss")).toEqual([[2, 6]]);
    expect(spansOf({ text: "LOSS", regex: false, case: true })("a loss")).toEqual([]);
  });

  it("marks nothing for an expression that is none here", () => {
    expect(spansOf({ text: "(?P<x>a)", regex: true, case: false })("a")).toEqual([]);
    expect(spansOf({ text: "a*", regex: true, case: false })("bab")).toEqual([[1, 2]]);
  });

  it("goes on from where it is, around the end", () => {
    expect([nextOf([2, 5, 9], 5, true), nextOf([2, 5, 9], 9, true), nextOf([2, 5, 9], -1, true)]).toEqual([9, 2, 2]);
    expect([nextOf([2, 5, 9], 5, false), nextOf([2, 5, 9], 2, false), nextOf([], 2, false)]).toEqual([2, 9, undefined]);
  });
});

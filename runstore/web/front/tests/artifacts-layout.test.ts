import { describe, expect, test } from "vitest";
import { acyclic, apart, crossings, layout, type Edge } from "../src/artifacts/layout";
import { parsePlace, withAlias } from "../src/artifacts/links";

describe("the layout of a graph", () => {
  test("puts each node behind all that lead to it, and sources next to what they lead to", () => {
    const found = layout(5, [[0, 1], [1, 2], [2, 3], [4, 3]]);
    expect(found.column).toEqual([0, 1, 2, 3, 2]);
    expect(found.columns).toBe(4);
  });

  test("ends with circles, and draws an edge that closes one backwards", () => {
    const edges: Edge[] = [[0, 1], [1, 0], [1, 1]];
    const found = layout(2, edges);
    expect(new Set(found.column)).toEqual(new Set([0, 1]));
    expect(acyclic(2, edges).slice(0, 2)).toEqual([[0, 1], [0, 1]]);
  });

  test("uncrosses what can be uncrossed", () => {
    const found = layout(4, [[0, 3], [1, 2]]);
    expect(Math.sign(found.row[0]! - found.row[1]!)).toBe(Math.sign(found.row[3]! - found.row[2]!));
  });

  test("counts crossings of edges between neighbouring columns", () => {
    const behind = [[3], [2], [], []];
    expect(crossings([[0, 1], [2, 3]], { behind })).toBe(1);
    expect(crossings([[1, 0], [2, 3]], { behind })).toBe(0);
  });

  test("gives an edge over several columns a place in each, where no node is", () => {
    const found = layout(4, [[0, 1], [1, 2], [2, 3], [0, 3]]);
    expect(found.bends[3]).toHaveLength(2);
    expect(Math.abs(found.bends[3]![0]! - found.row[1]!)).toBeGreaterThanOrEqual(1);
    expect(found.rows).toBeGreaterThan(1);
  });

  test("never lets two nodes of a column overlap, in a graph of 300 nodes", () => {
    let seed = 1;
    const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
    const edges = Array.from({ length: 400 }, (): Edge => [random(300), random(300)]);
    const found = layout(300, edges);
    for (let column = 0; column < found.columns; column += 1) {
      const rows = found.row.filter((_, node) => found.column[node] === column).sort((a, b) => a - b);
      rows.forEach((row, place) => place && expect(row - rows[place - 1]!).toBeGreaterThan(0.999));
    }
    expect(Math.min(...found.row)).toBeGreaterThanOrEqual(0);
  });

  test("has nothing to draw of nothing", () => {
    expect(layout(0, [])).toEqual({ column: [], row: [], bends: [], columns: 0, rows: 0 });
  });
});

test("what wants the same place is spread around it", () => {
  expect(apart([2, 2, 2])).toEqual([1, 2, 3]);
  expect(apart([0, 5, 5.2])).toEqual([0, 4.6, 5.6]);
});

describe("addresses of versions", () => {
  test("are told from those of lists", () => {
    expect(parsePlace("team/digits/model/net%20x:best")).toEqual({ ref: "team/digits/net%20x:best", type: "model", project: "team/digits" });
    expect(parsePlace("digits/data%2Fset/rows:v3")).toEqual({ ref: "digits/rows:v3", type: "data/set", project: "digits" });
    expect(parsePlace("team/digits")).toBeUndefined();
    expect(parsePlace("")).toBeUndefined();
  });

  test("lead to another version of the same name", () => {
    expect(withAlias("digits/model:v3", "best/1")).toBe("digits/model:best%2F1");
  });
});

import { describe, expect, test } from "vitest";
import { begun, pageOf } from "../../src/export/rows";

const COLUMNS = ["name", "score", "tag"].map((name) => ({ name, kind: null }));
const ROWS = [["ann", 3, "x"], ["Bob", 1.5, "y"], ["cy", null, "x"], ["dee", 10, { note: "NaN" }]];
const TABLE = { columns: COLUMNS, all_columns: 3, all_rows: 9, rows: ROWS };
const ASKED = { filter: "", sort: "", descending: false, offset: 0, limit: 20 };

/** The first cells of the rows that are shown. */
function names(asked: Partial<typeof ASKED> = {}): unknown[] {
  return pageOf(TABLE, { ...ASKED, ...asked }).rows.map(([name]) => name);
}

describe("rows of a table in an exported file", () => {
  test("come in pages, and it is known how many there were", () => {
    const page = pageOf(TABLE, { ...ASKED, offset: 1, limit: 2 });
    expect(page.rows.map(([name]) => name)).toEqual(["Bob", "cy"]);
    expect([page.numbers, page.matching, page.total, page.all_rows]).toEqual([[1, 2], 4, 4, 9]);
  });

  test("are sorted by a column, whatever the case of letters, empty cells last", () => {
    expect(names({ sort: "score" })).toEqual(["Bob", "ann", "dee", "cy"]);
    expect(names({ sort: "score", descending: true })).toEqual(["dee", "ann", "Bob", "cy"]);
    expect(names({ sort: "name" })).toEqual(["ann", "Bob", "cy", "dee"]);
    expect(names({ sort: "tag" })).toEqual(["ann", "cy", "Bob", "dee"]);
  });

  test.each([
    ["BO", ["Bob"]],
    ["tag:x", ["ann", "cy"]],
    ["score>1.5", ["ann", "dee"]],
    ["score<=1.5 bob", ["Bob"]],
    ["name=bob", ["Bob"]],
    ['"name"!=ann', ["Bob", "cy", "dee"]],
    ["score=x", []],
    ["other>1", []],
  ])("that fit %s are found", (filter, found) => {
    expect(names({ filter })).toEqual(found);
  });

  test("are not compared with what is no number", () => {
    expect(() => names({ filter: "score>high" })).toThrow("'high' is no number");
  });

  test("show the beginning of a long text", () => {
    expect(begun("x".repeat(400), 300)).toEqual({ cut: "x".repeat(300) });
    expect(begun({ cut: "x".repeat(400) })).toEqual({ cut: "x".repeat(400) });
    expect(begun({ json: "[1,2]", is_cut: false }, 2)).toEqual({ json: "[1", is_cut: true });
  });
});

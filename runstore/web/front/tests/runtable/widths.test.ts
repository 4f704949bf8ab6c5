import { expect, test } from "vitest";
import type { Cell, Row } from "../../src/runtable/rows";
import { widthsOf } from "../../src/runtable/widths";

const AGES = { now: 1e9, units: 2 };
const row = (name: string, ...cells: Cell[]): Row => ({ ref: name, name, state: "", created: 0, cells });
const widths = (columns: string[], ...rows: Row[]) => widthsOf(rows, columns, AGES);

test("a column is as wide as the widest of its cells, or its head", () => {
  const found = widths(["config.lr", "summary.accuracy"], row("a", 0.0001234, 1), row("b", 1, 2));
  expect(found.columns[0]).toBe("0.0001234".length);
  expect(found.columns[1]).toBe("accuracy".length + 2);
});

test("what is long is cut, in cells, heads and names", () => {
  const found = widths(["config.text", `config.${"k".repeat(80)}`], row("n".repeat(500), "x".repeat(120), 1));
  expect(found.columns).toEqual([30, 20]);
  expect(found.name).toBe(60);
});

test("a table without rows has columns", () => {
  expect(widths(["tags"])).toEqual({ name: 5, columns: [6] });
});

import { expect, test } from "vitest";
import { placeOf, placesOf } from "../../src/runtable/once";
import type { Row } from "../../src/runtable/rows";

const row = (ref: string): Row => ({ ref, name: ref, state: "finished", created: 0, cells: [] });
const ROWS = new Map(["a", "b", "c", "d", "e"].map((ref, place) => [place, row(ref)]));

test("runs at the top are left out of the list where they are known", () => {
  expect(placesOf(ROWS, new Set(["d", "b", "not loaded"]))).toEqual([1, 3]);
  expect(placesOf(ROWS, new Set())).toEqual([]);
});

test("the others close up", () => {
  const shown = (leftOut: number[]) => [0, 1, 2].map((number) => ROWS.get(placeOf(number, leftOut))?.ref);
  expect(shown([])).toEqual(["a", "b", "c"]);
  expect(shown([1, 3])).toEqual(["a", "c", "e"]);
  expect(shown([0, 1])).toEqual(["c", "d", "e"]);
});

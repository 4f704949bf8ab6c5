import { expect, test } from "vitest";
import { placeAfter } from "../../src/charts/cursor";

const X = Array.from({ length: 30 }, (_, place) => place * 10);
const after = (key: string, at: number | undefined, shiftKey = false, range: [number, number] = [0, 290]) => placeAfter({ key, shiftKey }, X, at, range);

test("a cursor that is nowhere begins at the end that it comes from", () => {
  expect(after("ArrowRight", undefined)).toBe(0);
  expect(after("ArrowLeft", undefined)).toBe(29);
});

test("it moves by one place or ten, and stays within the chart", () => {
  expect(after("ArrowRight", 3)).toBe(4);
  expect(after("ArrowLeft", 13, true)).toBe(3);
  expect(after("ArrowLeft", 3, true)).toBe(0);
  expect(after("ArrowRight", 29)).toBe(29);
  expect(after("Home", 7)).toBe(0);
  expect(after("End", 7)).toBe(29);
});

test("of a part that is zoomed into it stays within that", () => {
  expect(after("Home", 25, false, [95, 205])).toBe(10);
  expect(after("ArrowRight", 20, false, [95, 205])).toBe(20);
  expect(after("End", undefined, false, [95, 205])).toBe(20);
  expect(after("Home", undefined, false, [91, 99])).toBeUndefined();
});

test("other keys are left to others", () => {
  expect(after("a", 3)).toBeUndefined();
  expect(after("ArrowDown", 3)).toBeUndefined();
});

import { describe, expect, test } from "vitest";
import { drawnRefs, switched } from "../../src/runtable/drawn";
import { age, unitsApart } from "../../src/runtable/age";
import { titleOf } from "../../src/runtable/cell";
import { isOutOfOrder, nextSort, sortsOf } from "../../src/runtable/order";
import { type Cell, rowsOf } from "../../src/runtable/rows";
import { MOST_DRAWN, paramsOf, type View, viewOf } from "../../src/runtable/view";
import { ROW_PX, windowOf } from "../../src/runtable/window";

const viewIn = (text: string) => viewOf(new URLSearchParams(text));
const refs = (count: number) => Array.from({ length: count }, (_, place) => `p/${place}`);
const with_ = (view: View, changes: Partial<View>): View => ({ ...view, ...changes });

describe("the address of a view", () => {
  test("says the same when it is written anew", () => {
    const text = "filter=lr%3C1&sort=-summary.loss&columns=config.lr%2Cconfig.a%252Cb&pin=a%2Cb&on=c&off=d&top=20";
    const view = viewIn(text);
    expect(view.columns).toEqual(["config.lr", "config.a,b"]);
    const params = Object.entries(paramsOf(view)).filter((entry): entry is [string, string] => Boolean(entry[1]));
    expect(new URLSearchParams(params).toString()).toBe(text);
  });

  test("has defaults, also for nonsense", () => {
    expect(viewIn("top=many").top).toBe(10);
    expect(viewIn("top=9999").top).toBe(MOST_DRAWN);
    expect(viewIn("").columns).toBeUndefined();
    expect(viewIn("columns=").columns).toEqual([]);
    expect(viewIn("columns=%25zz").columns).toEqual(["%zz"]);
  });
});

describe("which runs are drawn", () => {
  test("are the newest ten, and the pinned ones before them", () => {
    expect(drawnRefs(viewIn(""), "p", refs(50))).toEqual(refs(10));
    expect(drawnRefs(viewIn("pin=40,2"), "p", refs(50)).slice(0, 3)).toEqual(["p/40", "p/2", "p/0"]);
    expect(drawnRefs(viewIn("pin=40,2"), "p", refs(50))).toHaveLength(11);
  });

  test("are never more than a hundred", () => {
    const on = refs(150).map((ref) => ref.slice(2)).join(",");
    expect(drawnRefs(viewIn(`on=${on}`), "p", refs(200))).toHaveLength(MOST_DRAWN);
  });

  test("a switch turns a run off and on again, wherever it stands", () => {
    const first = with_(viewIn(""), switched(viewIn(""), "p/3", true));
    expect(drawnRefs(first, "p", refs(50))).not.toContain("p/3");
    expect(drawnRefs(with_(first, switched(first, "p/3", true)), "p", refs(50))).toContain("p/3");
    const later = with_(viewIn(""), switched(viewIn(""), "p/30", false));
    expect(drawnRefs(later, "p", refs(50))).toContain("p/30");
    expect(drawnRefs(with_(later, switched(later, "p/30", false)), "p", refs(50))).not.toContain("p/30");
  });
});

test("a head that is clicked sorts up, down, and no more", () => {
  expect(nextSort("", "lr")).toBe("lr");
  expect(nextSort("lr", "lr")).toBe("-lr");
  expect(nextSort("-lr", "lr")).toBe("");
  expect(nextSort("-lr", "name")).toBe("name");
});

test("a head that is clicked with shift sorts beside the others, which stay where they are", () => {
  expect(nextSort("lr", "loss", true)).toBe("lr,loss");
  expect(nextSort("lr,loss", "lr", true)).toBe("-lr,loss");
  expect(nextSort("-lr,loss", "lr", true)).toBe("loss");
  expect(nextSort("lr,loss", "loss")).toBe("-loss");
  expect(sortsOf(nextSort("", "config.a,b"))).toEqual(["config.a,b"]);
});

describe("an order that is plainly wrong", () => {
  const rows = (...cells: Cell[]) => new Map(cells.map((cell, at) => [at, { ref: String(at), name: "", state: "", created: 0, cells: [cell] }]));
  const isWrong = (sort: string, ...cells: Cell[]) => isOutOfOrder(rows(...cells), ["lr"], sort);

  test("is one of numbers that are shown", () => {
    expect(isWrong("lr", 1, 3, 2)).toBe(true);
    expect(isWrong("-lr", 3, 1, 2)).toBe(true);
    expect(isWrong("lr", 1, 1, 2)).toBe(false);
    expect(isWrong("-lr", "Infinity", 2, 1)).toBe(false);
  });

  test("is none without them", () => {
    expect(isWrong("lr", 1, "b", "a", null)).toBe(false);
    expect(isWrong("", 2, 1)).toBe(false);
    expect(isWrong("other", 2, 1)).toBe(false);
  });
});

describe("ages", () => {
  const DAY = 86_400;
  const at = (units: number, seconds: number) => age(1e9 - seconds, { now: 1e9, units });

  test("are said in one unit, or more", () => {
    expect(at(1, 0)).toBe("now");
    expect(at(1, 3 * DAY + 5 * 3_600)).toBe("3 d ago");
    expect(at(2, 3 * DAY + 5 * 3_600)).toBe("3 d 5 h ago");
    expect(at(2, 3 * DAY + 120)).toBe("3 d ago");
    expect(at(3, 75)).toBe("1 min 15 s ago");
    expect(at(1, -10)).toBe("now");
  });

  test("have as few units as tell runs apart", () => {
    const every = (seconds: number) => Array.from({ length: 50 }, (_, place) => 1e9 - 19 * DAY - place * seconds);
    expect(unitsApart(every(2 * DAY), 1e9)).toBe(1);
    expect(unitsApart(every(4_000), 1e9)).toBe(2);
    expect(unitsApart(every(60), 1e9)).toBe(3);
    expect(unitsApart([], 1e9)).toBe(1);
  });
});

describe("a cell", () => {
  const AGES = { now: 1e9, units: 1 };

  test("that shows nothing has no title", () => {
    expect(titleOf("tags", "[]", AGES)).toBeUndefined();
    expect(titleOf("runtime", 0, AGES)).toBeUndefined();
    expect(titleOf("last_step", -1, AGES)).toBeUndefined();
  });

  test("has in its title what it says in full", () => {
    expect(titleOf("tags", '["a","b"]', AGES)).toBe("a, b");
    expect(titleOf("summary.loss", 12345.67, AGES)).toBe("12345.67");
    expect(titleOf("created_at", 1e9 - 60, AGES)).toMatch(/^2001-09-09 /);
  });
});

test("columns become rows", () => {
  expect(rowsOf({ refs: ["p/a", "p/b"], cells: [["A", "B"], ["running", "failed"], [1, 2], [0.5, null]] })).toEqual([
    { ref: "p/a", name: "A", state: "running", created: 1, cells: [0.5] },
    { ref: "p/b", name: "B", state: "failed", created: 2, cells: [null] },
  ]);
});

test("of ten thousand rows only those in view are in the page", () => {
  const { first, last } = windowOf(5_000 * ROW_PX, 20 * ROW_PX, 10_000);
  expect(first).toBeGreaterThan(4_950);
  expect(last).toBeLessThan(5_050);
  expect(windowOf(0, 600, 3)).toEqual({ first: 0, last: 2 });
  expect(windowOf(0, 600, 0).last).toBe(-1);
});

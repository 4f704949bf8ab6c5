import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Answer } from "../../src/runtable/rows";
import { type Runs, useRuns } from "../../src/runtable/source";
import { viewOf } from "../../src/runtable/view";
import * as changes from "../../src/shell/changes";

interface Asked {
  offset?: number;
  limit: number;
  also: string[];
  filter: string;
  sort: string[];
  columns?: string[];
}

let asked: Asked[] = [];
let total = 450;
const values = new Map<number, number>();
let shown: Runs;
let root: HTMLElement;
let notify: (change: changes.Change) => void = () => {};

/** A server with `total` runs `p/0`, `p/1`, ... */
function answer({ offset = 0, limit, also, filter }: Asked): Answer {
  const cells = (places: number[]) => [places.map((place) => `run ${place}`), places.map(() => "finished"), places, places.map((place) => values.get(place) ?? place)];
  const page = Array.from({ length: Math.max(0, Math.min(limit, total - offset)) }, (_, place) => offset + place);
  const columnar = (places: number[]) => ({ refs: places.map((place) => `p/${place}`), cells: cells(places) });
  const known = { all: total, columns: ["config.lr"], also: columnar(also.map((ref) => Number(ref.slice(2)))) };
  if (filter === "(") return { ...known, wrong: { sentence: "a ')' is missing", column: 0 } };
  return limit ? { ...known, found: total, rows: columnar(page) } : known;
}

vi.mock("../../src/shell/api", async (original) => ({
  ...(await original<object>()),
  post: async (_: string, body: Asked) => (asked.push(body), answer(body)),
}));
vi.mock("../../src/shell/changes", async (original) => ({
  ...(await original<object>()),
  useChanges: (onChange: (change: changes.Change) => void) => void (notify = onChange),
}));

function Probe({ query }: { query: string }) {
  const view = viewOf(new URLSearchParams(query));
  shown = useRuns("p", view, view.pinned.map((id) => `p/${id}`));
  return null;
}

/** Do something, and let all answers arrive. */
async function after(what: () => void): Promise<void> {
  await act(what);
  await act(() => new Promise<void>((done) => setTimeout(done)));
}

const show = (query = "") => after(() => render(<Probe query={query} />, root));
const changed = (parts: Partial<changes.Change>) => after(() => notify({ runs: new Set(), listed: false, everything: false, ...parts }));

beforeEach(() => {
  asked = [];
  total = 450;
  root = document.createElement("div");
});
afterEach(() => render(null, root));

test("the first page is loaded, and others when they are scrolled to", async () => {
  await show();
  expect(shown.found).toBe(450);
  expect(shown.rows.size).toBe(200);
  await after(() => shown.need(300, 320));
  expect(asked.map((one) => one.offset)).toEqual([0, 200]);
  await after(() => shown.need(310, 330));
  expect(asked).toHaveLength(2);
  expect(shown.rows.get(320)?.ref).toBe("p/320");
});

test("of a run that changed only its row is asked for", async () => {
  await show();
  await changed({ runs: new Set(["p/7", "q/1", "p/440"]) });
  expect(asked.at(-1)).toMatchObject({ limit: 0, also: ["p/7"] });
});

test("nothing is asked for when other runs changed", async () => {
  await show();
  await changed({ runs: new Set(["q/7"]), listed: true });
  expect(asked).toHaveLength(1);
});

test("a new run of the project is put into the list", async () => {
  await show();
  total = 451;
  await changed({ runs: new Set(["p/450"]), listed: true });
  expect(shown.found).toBe(451);
  expect(asked).toHaveLength(2);
});

test("rows stay while a filter is being typed that can't be read", async () => {
  await show();
  await show("filter=(");
  expect(shown.wrong?.column).toBe(0);
  expect(shown.rows.size).toBe(200);
});

test("pinned runs are asked for wherever they are", async () => {
  await show("pin=440");
  expect(shown.also.get("p/440")?.name).toBe("run 440");
});

test("a run that is pinned where it is in view is there at once", async () => {
  await show();
  await show("pin=7");
  expect(shown.also.get("p/7")?.name).toBe("run 7");
  expect(asked).toHaveLength(1);
});

test("the first runs, whose lines are drawn, stay while rows further down are looked at", async () => {
  await show();
  await after(() => shown.need(400, 420));
  total = 449;
  await changed({ everything: true });
  expect(shown.rows.get(0)?.ref).toBe("p/0");
  expect(shown.rows.get(410)?.ref).toBe("p/410");
  expect(shown.found).toBe(449);
});

test("values that change leave the rows where they are, and it is said that their order is wrong", async () => {
  await show("sort=config.lr");
  expect(shown.isStale).toBe(false);
  values.set(7, 0.5);
  await changed({ runs: new Set(["p/7"]) });
  expect(shown.rows.get(7)?.cells).toEqual([0.5]);
  expect(shown.isStale).toBe(true);
  values.clear();
  await after(() => shown.sortAgain());
  expect(shown.isStale).toBe(false);
});

test("the order is asked for by columns, the one that counts most first", async () => {
  await show("sort=-config.lr,config.a%252Cb");
  expect(asked[0]?.sort).toEqual(["-config.lr", "config.a,b"]);
});

test("columns that the server chose are asked for by name from then on", async () => {
  await show();
  await after(() => shown.need(200, 220));
  expect(asked[0]?.columns).toBeUndefined();
  expect(asked[1]?.columns).toEqual(["config.lr"]);
});

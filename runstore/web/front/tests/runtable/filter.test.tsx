import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ProjectKeys } from "../../src/runtable/completing";
import { FilterBox } from "../../src/runtable/filter";

const NOTHING = { keys: [], runs: [], numbers: [], values: [] };
const KEYS: ProjectKeys = {
  fields: ["name"], short: {}, states: [], tags: [], summary: NOTHING,
  config: { keys: ["arch"], runs: [2], numbers: [false], values: [["vit", "mlp"]] },
};
vi.mock("../../src/shell/api", async (original) => ({ ...(await original<object>()), get: async () => KEYS }));

let root: HTMLElement;
const applied: string[] = [];
const input = () => root.querySelector("input") as HTMLInputElement;
const options = () => [...root.querySelectorAll('[role="option"] code')].map((one) => one.textContent);

async function after(what: () => void): Promise<void> {
  await act(what);
  for (let turn = 0; turn < 3; turn++) await act(() => new Promise<void>((done) => setTimeout(done)));
}

function type(text: string): Promise<void> {
  return after(() => {
    input().value = text;
    input().setSelectionRange(text.length, text.length);
    input().dispatchEvent(new Event("input", { bubbles: true }));
  });
}

const press = (key: string) => after(() => void input().dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })));

beforeEach(async () => {
  await import("../../src/runtable/filterpanel"); // which the box loads when it is opened
  applied.length = 0;
  root = document.createElement("div");
  document.body.append(root);
  await after(() => render(<FilterBox project="p" filter="" wrong={undefined} onFilter={(filter) => applied.push(filter)} />, root));
});
afterEach(() => {
  render(null, root);
  root.remove();
});

test("a key is completed with the keyboard, and its values come next", async () => {
  await type("ar");
  expect(options()).toEqual(["arch:"]);
  await press("ArrowDown");
  await press("Enter");
  expect(input().value).toBe("arch:");
  expect(options()).toEqual(["arch:vit", "arch:mlp"]);
  await press("ArrowUp");
  await press("Tab");
  expect(input().value).toBe("arch:mlp");
  expect(options()).toEqual([]);
});

test("Enter applies what is typed at once", async () => {
  await type("lr<1");
  expect(applied).toEqual([]);
  await press("Enter");
  expect(applied).toEqual(["lr<1"]);
});

test("where a filter is wrong stands a mark, counted in letters", async () => {
  const wrong = { sentence: "a value is missing", column: 2 };
  await after(() => render(<FilterBox project="p" filter="😀a<" wrong={wrong} onFilter={() => {}} />, root));
  expect(root.querySelector("mark")?.textContent).toBe("<");
  expect(root.querySelector('[role="alert"]')?.textContent).toContain("a value is missing");
  expect(input().getAttribute("aria-invalid")).toBe("true");
});

test("where a filter leaves no run little is offered, and only for a word that was begun: what leaves none is said below", async () => {
  const empty = (filter: string) => after(() => render(<FilterBox project="p" filter={filter} wrong={undefined} leavesNone onFilter={() => {}} />, root));
  await type("arch:");
  expect(options()).toEqual(["arch:vit", "arch:mlp"]);
  await empty("arch:");
  expect(options()).toEqual(["arch:vit", "arch:mlp"]);
  await empty("arch:vit ");
  await type("arch:vit ");
  expect(options()).toEqual([]);
});

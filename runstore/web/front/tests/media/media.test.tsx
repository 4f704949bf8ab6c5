import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

/** What the server was asked, and what it answers by path. */
let asked: [string, Record<string, unknown>][] = [];
let answers: Record<string, unknown> = {};
let place: HTMLElement;
/** Tells an observed element whether it is in view. */
let show: ((isIntersecting?: boolean) => void)[] = [];

vi.mock("../../src/shell/api", () => ({
  ApiError: class extends Error {},
  post: async (path: string, body: Record<string, unknown>) => {
    asked.push([path, body]);
    const answer = answers[path];
    if (answer instanceof Error) throw answer;
    return answer;
  },
}));

class Observer {
  constructor(private readonly tell: (entries: { isIntersecting: boolean }[]) => void) {}
  observe() {
    show.push((isIntersecting = true) => this.tell([{ isIntersecting }]));
  }
  disconnect() {}
}

beforeEach(() => {
  asked = [];
  show = [];
  vi.stubGlobal("IntersectionObserver", Observer);
  place = document.createElement("div");
  document.body.append(place);
});

afterEach(() => {
  render(null, place);
  place.remove();
  vi.unstubAllGlobals();
});

async function mount(query = "", refs = ["p/one"]): Promise<void> {
  const { default: Media } = await import("../../src/media/media");
  await act(async () => render(<Media refs={refs} query={new URLSearchParams(query)} />, place));
  await answered();
}

async function scroll(isIn: (place: number) => boolean = () => true): Promise<void> {
  await act(async () => show.forEach((tell, place) => tell(isIn(place))));
  await answered();
}

/** Let what was asked be answered, and what follows from that be asked and answered. */
async function answered(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await act(async () => undefined);
}

const KEYS = { runs: [{ ref: "p/one", name: "first" }], keys: [{ key: "a/img", kind: "images", runs: [0] }, { key: "x", kind: "images", runs: [0] }] };
const VALUE = { "p/one": { step: 3, kind: "images", count: 1, items: [{ src: "raw/t/i.png", name: "i.png", caption: "<b>it</b>", width: 4, height: 4 }] } };

it("asks for nothing of panels that were never seen", async () => {
  answers = { media: KEYS, "media/steps": { steps: { "p/one": [3] } }, "media/at": { values: VALUE } };
  await mount();
  expect(asked.map(([path]) => path)).toEqual(["media"]);
  await scroll();
  expect(asked.filter(([path]) => path === "media/at").map(([, body]) => body["key"])).toEqual(["a/img", "x"]);
});

it("shows captions as text, and the step", async () => {
  answers = { media: KEYS, "media/steps": { steps: { "p/one": [1, 2] } }, "media/at": { values: VALUE } };
  await mount("mstep=3&mfind=IMG");
  await scroll();
  expect(asked.at(-1)).toEqual(["media/at", { refs: ["p/one"], key: "a/img", step: 3 }]);
  expect(place.querySelector("figcaption")?.textContent).toBe("<b>it</b>");
  expect(place.querySelector("input[type=range]")?.getAttribute("aria-valuetext")).toBe("step 3");
  expect(place.querySelector("img")?.getAttribute("src")).toMatch(/\/raw\/t\/i\.png$/);
});

it("says what to type where there are none, and what went wrong", async () => {
  answers = { media: { runs: KEYS.runs, keys: [] } };
  await mount();
  expect(place.textContent).toContain("has logged no media");
  render(null, place);
  answers = { media: new Error("no such run") };
  await mount();
  expect(place.querySelector("[role=alert]")?.textContent).toBe("no such run");
});

it("asks for nothing of no runs, and for no more than sixteen", async () => {
  answers = { media: KEYS };
  await mount("", []);
  expect(asked).toEqual([]);
  render(null, place);
  await mount("", Array.from({ length: 20 }, (_, number) => `p/${number}`));
  expect((asked[0]?.[1]["refs"] as string[]).length).toBe(16);
  expect(place.textContent).toContain("16 of 20 runs");
});

it("another step is asked for only where it is seen", async () => {
  answers = { media: KEYS, "media/steps": { steps: { "p/one": [1, 2, 3] } }, "media/at": { values: VALUE } };
  await mount();
  await scroll();
  await scroll((place) => place === 1);
  asked = [];
  await mount("mstep=2");
  expect(asked).toEqual([["media/at", { refs: ["p/one"], key: "x", step: 2 }]]);
  asked = [];
  await scroll((place) => place === 0);
  expect(asked.map(([, body]) => [body["key"], body["step"]])).toEqual([["a/img", 2]]);
});

it("says of a chart before its first step only that nothing was logged yet", async () => {
  answers = {
    media: { runs: KEYS.runs, keys: [{ key: "cm", kind: "chart", runs: [0] }] },
    "media/steps": { steps: [[7]] },
    "media/chart": { definition: "wandb/confusion_matrix/v1", texts: {}, fields: {}, runs: { "p/one": { error: "nothing was logged as cm_table up to that step" } } },
  };
  await mount("mstep=3");
  await scroll();
  await vi.waitFor(() => expect(place.textContent).toContain("nothing was logged as cm_table"));
  expect(place.textContent).not.toContain("definition");
  expect(asked.map(([path]) => path)).not.toContain("media/table");
});

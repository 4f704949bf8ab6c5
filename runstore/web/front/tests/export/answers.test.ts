import { beforeEach, describe, expect, test, vi } from "vitest";
import { framed } from "../../src/export/frame";

const FILE = {
  nonce: "",
  keys: { keys: ["loss"] },
  media: {
    keys: { runs: [{ ref: "p/a", name: "a" }], keys: [] },
    values: {
      photo: { "p/a": { kind: "images", items: [], count: 0, step: 90 } },
      picture: { "p/a": { kind: "images", items: [], count: 0, step: 7 } },
      weights: { "p/a": { kind: "histogram", counts: [1, 1], edges: [0, 1, 3], step: 20 } },
    },
    earlier: { photo: { "p/a": [10, 50].map((step) => ({ kind: "images", items: [], count: 0, step })) } },
    heat: { weights: { "p/a": { steps: [0, 10, 20], low: 0, high: 4, most: 50, shares: [[1000, 0], [500, 500], [0, 1000]] } } },
    charts: {},
    tables: { rows: { "p/a": { null: { error: "its file is gone" }, 1: { columns: [{ name: "n", kind: null }], all_columns: 1, all_rows: 1, rows: [["x".repeat(500)]] } } } },
    files: [{ type: "application/octet-stream", data: btoa("<p>hé") }],
  },
  consoles: { "p/a": { logs: [{ log: 3, count: 3 }], missing: 0, lines: { 3: { streams: "010", times: [5000, 250, 0], texts: ["one", "\x1b[31mtw\x1b[0mo", "a+b"] } } } },
};

/** The answers of a page with this data in it. */
async function answers() {
  vi.resetModules();
  document.body.innerHTML = `<script type="application/json" id="data"></script>`;
  document.getElementById("data")!.textContent = JSON.stringify(FILE);
  return import("../../src/export/api");
}

describe("a file answers as a server does", () => {
  let api: Awaited<ReturnType<typeof answers>>;
  const of = { refs: ["p/a", "p/other"] };
  beforeEach(async () => {
    api = await answers();
  });

  test("with the last value of those that are here at or before a step", async () => {
    const at = async (step: number | null) => (await api.post<{ values: Record<string, { step: number } | null> }>("media/at", { ...of, key: "photo", step })).values["p/a"]?.step;
    expect([await at(null), await at(200), await at(89), await at(50), await at(10), await at(9)]).toEqual([90, 90, 50, 50, 10, undefined]);
    expect(await api.post("media/steps", { ...of, key: "photo" })).toMatchObject({ steps: { "p/a": [10, 40, 40] } });
  });

  test("with the one value of other media, whatever the step is", async () => {
    const { values } = await api.post<{ values: Record<string, { step: number } | null> }>("media/at", { ...of, key: "picture", step: 2 });
    expect([values["p/a"]?.step, values["p/other"]]).toEqual([7, null]);
    expect(await api.post("media/steps", { ...of, key: "picture" })).toEqual({ steps: { "p/a": [7], "p/other": [] } });
  });

  test("with the histograms of a heat map, and the last one as it was logged", async () => {
    const at = async (step: number | null) => (await api.post<{ values: Record<string, unknown> }>("media/at", { ...of, key: "weights", step })).values["p/a"];
    expect(await at(14)).toEqual({ kind: "histogram", step: 10, counts: [25, 25], edges: [0, 2, 4] });
    expect(await at(null)).toMatchObject({ edges: [0, 1, 3] });
    expect(await at(-1)).toBeNull();
    expect(await api.post("media/steps", { ...of, key: "weights" })).toMatchObject({ steps: { "p/a": [0, 10, 10] } });
  });

  test("with rows of a table, a cell in full, and why a table is not there", async () => {
    const asked = { ref: "p/a", key: "rows", step: 7, place: 1, filter: "", sort: "", descending: false, offset: 0, limit: 20 };
    expect(await api.post("media/table", asked)).toMatchObject({ matching: 1, rows: [[{ cut: "x".repeat(300) }]] });
    expect(await api.post("media/cell", { ...asked, row: 0, column: "n" })).toBe("x".repeat(500));
    await expect(api.post("media/table", { ...asked, place: undefined })).rejects.toThrow("its file is gone");
  });

  test("with lines of a console, and those in which a text is found under its colours", async () => {
    expect(await api.get("console/lines", { ref: "p/a", log: 3, from: 1, count: 2 })).toMatchObject({ streams: "10", times: [5.25, 5.25] });
    expect(await api.get("console/find", { ref: "p/a", text: "TWO" })).toEqual({ logs: [3], lines: [1], total: 1 });
    expect(await api.get("console/find", { ref: "p/a", text: "TWO", case: 1 })).toMatchObject({ total: 0 });
    expect(await api.get("console/find", { ref: "p/a", text: "a+b" })).toMatchObject({ lines: [2] });
    await expect(api.get("console/find", { ref: "p/a", text: "(", regex: 1 })).rejects.toThrow();
  });

  test("and says what it does not have", async () => {
    await expect(api.get("changes")).rejects.toThrow("this file has no changes");
  });
});

describe("a logged page in its frame", () => {
  test("has the policy before all else, and nothing that leads elsewhere", () => {
    const page = new DOMParser().parseFromString(framed("<link rel=preconnect href=//x><base href=//x><script src=//x></script><style>p{}</style><script>1</script><p>", "abc"), "text/html");
    expect(page.head.firstElementChild?.getAttribute("content")).toContain("default-src 'none'");
    expect(page.querySelectorAll("link, base, script[src]").length).toBe(0);
    expect([...page.querySelectorAll("script, style")].map((one) => one.getAttribute("nonce"))).toEqual(["abc", "abc"]);
  });
});

import { describe, expect, it } from "vitest";
import { deltaOf, rowsWith, told, valueOf } from "../../src/compare/values";
import { type Listing, foldersOf, previewOf } from "../../src/files/folders";

const row = (section: string, key: string, values: (number | string | null | string[])[], same = false) => ({ section, key, values, same });

describe("values side by side", () => {
  it("are measured by the baseline's", () => {
    expect(deltaOf(0.9, 1)).toBe("−0.1 (−10 %)");
    expect(deltaOf(3, 2)).toBe("+1 (+50 %)");
    expect(deltaOf(-1, 0)).toBe("−1");
    expect([deltaOf(1, 1), deltaOf("NaN", 1), deltaOf(null, 1), deltaOf(1, null)]).toEqual(["", "", "", ""]);
  });

  it("are one value where all runs agree", () => {
    expect([valueOf(row("config", "a", [7], true), 3), valueOf(row("config", "a", [7, 8]), 1), valueOf(row("config", "a", [7]), 1)]).toEqual([7, 8, null]);
  });

  it("are told as people say them", () => {
    expect(told(row("run", "runtime", []), 3700)).toBe("1 h 1 min");
    expect(told(row("run", "tags", []), ["a", "b"])).toBe("a, b");
    expect(told(row("config", "x", []), ["a", "b"])).toBe('["a","b"]');
    expect([told(row("config", "x", []), null), told(row("config", "x", []), "")]).toEqual(["—", '""']);
  });

  it("are searched by key and value", () => {
    const rows = [row("config", "lr", [0.1]), row("summary", "loss", ["NaN"])];
    expect(rowsWith(rows, "config").map((one) => one.key)).toEqual(["lr"]);
    expect(rowsWith(rows, "nan").map((one) => one.key)).toEqual(["loss"]);
    expect(rowsWith(rows, " ")).toHaveLength(2);
  });
});

describe("files", () => {
  const listing: Listing = { total: 3, names: ["a/b/c.txt", "a/d.PNG", "e"], refs: {}, sizes: [1, 2, 4], times: [1, 2, 3], missing: [] };

  it("are in folders, which say how much is below them", () => {
    const root = foldersOf(listing);
    const [a] = root.folders;
    expect([root.count, root.size, a?.count, a?.size, a?.folders[0]?.path]).toEqual([3, 7, 2, 3, "a/b"]);
    expect(a?.files).toEqual([{ name: "d.PNG", path: "a/d.PNG", ref: "a/d.PNG", size: 2, time: 2 }]);
    expect(foldersOf(listing, "D.p").count).toBe(1);
  });

  it("whose names are no texts are asked for by their bytes", () => {
    const odd = foldersOf({ ...listing, names: ["a\\xe9", "a\\xe9", "e"], refs: { 1: "bytes:a%E9" } });
    expect(odd.files.map((one) => one.ref)).toEqual(["a\\xe9", "bytes:a%E9", "e"]);
  });

  it("named as what every object has are files as well", () => {
    const named = { ...listing, names: ["__proto__/constructor", "toString"] };
    expect(foldersOf(named).folders[0]?.files[0]?.path).toBe("__proto__/constructor");
    expect(previewOf("x.constructor")).toBe("text");
  });

  it("are shown as what their names say", () => {
    expect(["x/y.PNG", "a.json", "weights.pt", "train.py", "README", "d.patch"].map(previewOf)).toEqual(["image", "json", "none", "text", "text", "patch"]);
  });
});

import { describe, expect, it } from "vitest";
import { branchOf, leafCount, matching } from "../../src/run/branches";
import { commandOf } from "../../src/run/facts";
import { patchesOf } from "../../src/run/patches";

const CONFIG = { lr: 0.1, opt: { name: "adam", inner: { eps: "NaN" } }, empty: {}, image: { _type: "image-file", path: "x" } };

describe("nested values", () => {
  it("are branches and leaves, what was logged as a file being a leaf", () => {
    const root = branchOf(CONFIG);
    expect(root.leaves.map((leaf) => leaf.path)).toEqual(["lr", "empty", "image"]);
    expect(root.branches[0]?.branches[0]?.leaves[0]).toEqual({ name: "eps", path: "opt.inner.eps", value: "NaN" });
    expect(leafCount(root)).toBe(5);
  });

  it("are searched by names and values, all words of them", () => {
    expect(leafCount(matching(branchOf(CONFIG), "opt"))).toBe(2);
    expect(leafCount(matching(branchOf(CONFIG), "OPT adam"))).toBe(1);
    expect(matching(branchOf(CONFIG), "nothing")).toMatchObject({ leaves: [], branches: [] });
  });
});

describe("a command", () => {
  it("is one that a shell takes", () => {
    expect(commandOf({ program: "a b.py", args: ["--x=1", "it's", ""] }, "")).toBe("python 'a b.py' --x=1 'it'\\''s' ''");
    expect(commandOf({}, "train.py")).toBe("python train.py");
    expect(commandOf({ args: ["1"] }, "")).toBe("");
  });
});

describe("a patch", () => {
  const GIT = "diff --git a/x.py b/x.py\nindex 1..2 100644\n--- a/x.py\n+++ b/x.py\n@@ -1 +1,2 @@\n-a\n+b\n++++ c\n diff\ndiff --git a/y b/y\nBinary files differ\n";

  it("is taken apart into its files", () => {
    const [x, y] = patchesOf(GIT);
    expect(x).toEqual({ name: "x.py", lines: ["@@ -1 +1,2 @@", "-a", "+b", "++++ c", " diff"], added: 2, removed: 1 });
    expect(y).toEqual({ name: "y", lines: ["Binary files differ"], added: 0, removed: 0 });
  });

  it("may be one that Python wrote, of one file", () => {
    expect(patchesOf("--- p/a\n+++ p/b\n@@ -1 +1 @@\n-x\n+y")).toEqual([{ name: "p/b", lines: ["@@ -1 +1 @@", "-x", "+y"], added: 1, removed: 1 }]);
  });
});

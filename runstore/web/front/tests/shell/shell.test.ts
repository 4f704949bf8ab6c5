import { describe, expect, test } from "vitest";
import { concerns, pauseMs } from "../../src/shell/changes";
import { crumbsOf } from "../../src/shell/header";
import { pageAt } from "../../src/shell/pages";
import { store } from "../../src/shell/store";

describe("which page an address means", () => {
  test("a project, with or without an entity, and its pages", () => {
    expect(pageAt("p/mnist").rest).toBe("mnist");
    expect(pageAt("p/me/mnist").rest).toBe("me/mnist");
    expect(pageAt("p/me/mnist/table").rest).toBe("me/mnist");
    expect(pageAt("p/mnist/groups").rest).toBe("mnist");
    expect(pageAt("p/mnist/table").Page).not.toBe(pageAt("p/mnist").Page);
  });

  test("a project that is called like a page is escaped, and is found", () => {
    expect(pageAt("p/~table").rest).toBe("~table");
    expect(pageAt("p/me/~table/table").rest).toBe("me/~table");
    expect(crumbsOf("p/me/~table/table")).toEqual([{ text: "me / table", path: "p/me/~table" }]);
  });

  test("none", () => {
    expect(pageAt("nowhere").Page).toBeUndefined();
    expect(pageAt("p/").Page).toBeUndefined();
  });

  test("the bar names run and project as people wrote them", () => {
    expect(crumbsOf("r/my%20project/a%2Fb").map((crumb) => crumb.text)).toEqual(["my project", "a/b"]);
    expect(crumbsOf("r/p/x", { ref: "p/x", name: "bold run" }).at(-1)).toEqual({ text: "bold run", title: "x", path: "r/p/x" });
    expect(crumbsOf("r/p/y", { ref: "p/x", name: "bold run" }).at(-1)?.text).toBe("y");
    expect(crumbsOf("a/me/p/model/net:v1").map((crumb) => crumb.text)).toEqual(["me / p", "net:v1"]);
    expect(crumbsOf("r/%zz/x").map((crumb) => crumb.text)).toEqual(["%zz", "x"]);
  });
});

describe("how often is looked", () => {
  test("seldom with nothing running, often while runs change", () => {
    expect(pauseMs(100_000, 0, 0, true)).toBe(15_000);
    expect(pauseMs(100_000, 0, 3, true)).toBe(5_000);
    expect(pauseMs(100_000, 95_000, 3, true)).toBe(2_000);
    expect(pauseMs(100_000, 95_000, 3, false)).toBe(5_000);
  });

  test("a second time soon after the first answer", () => {
    expect(pauseMs(100_000, 0, 0, true, 1)).toBe(3_000);
    expect(pauseMs(100_000, 0, 0, true, 2)).toBe(15_000);
  });

  test("a change concerns the runs that it names, or all", () => {
    const change = { runs: new Set(["p/a"]), listed: false, everything: false };
    expect(concerns(change, ["p/b", "p/a"])).toBe(true);
    expect(concerns(change, ["p/b"])).toBe(false);
    expect(concerns({ ...change, everything: true }, [])).toBe(true);
  });
});

test("a store tells of changes, and of nothing else", () => {
  const seen: number[] = [];
  const one = store(1);
  const end = one.watch((value) => seen.push(value));
  one.set(1);
  one.set(2);
  end();
  one.set(3);
  expect(seen).toEqual([2]);
});

import { describe, expect, test } from "vitest";
import { choicesFor, type ProjectKeys, quoted, wordStart } from "../../src/runtable/completing";

const NOTHING = { keys: [], runs: [], numbers: [], values: [] };
const KEYS: ProjectKeys = {
  fields: ["id", "name", "state", "tags", "created_at"],
  short: { tag: "tags" },
  states: ["running", "finished"],
  tags: ["baseline", "two words"],
  config: { keys: ["lr", "arch", "a key"], runs: [3, 3, 1], numbers: [true, false, false], values: [[], ["vit", "mlp"], []] },
  summary: { ...NOTHING, keys: ["val/loss"], runs: [3], numbers: [true], values: [[]] },
};
const texts = (word: string) => choicesFor(word, KEYS).map((choice) => choice.text);

describe("the word that is completed", () => {
  test("begins after a space, a parenthesis or a minus", () => {
    expect(wordStart("lr<1 ar", 7)).toBe(5);
    expect(wordStart("(ar", 3)).toBe(1);
    expect(wordStart("-ta", 3)).toBe(1);
    expect(wordStart("-", 1)).toBe(1);
  });

  test("holds the spaces of a quotation", () => {
    expect(wordStart('x "a k', 6)).toBe(2);
  });
});

describe("what is offered", () => {
  test("are keys that begin so, then those that contain it", () => {
    expect(texts("l")).toEqual(["lr", "val/loss"]);
    expect(texts("arch")).toEqual(["arch:"]);
  });

  test("quotes a key with a space", () => {
    expect(texts("a k")).toEqual(['"a key":']);
    expect(quoted('say "so"')).toBe('"say \\"so\\""');
    expect(quoted("or")).toBe('"or"');
  });

  test("are the values of a key that has few", () => {
    expect(texts("arch:")).toEqual(["arch:vit", "arch:mlp"]);
    expect(texts("config.arch=m")).toEqual(["config.arch=mlp"]);
    expect(texts("state:r")).toEqual(["state:running"]);
    expect(texts("tag:")).toEqual(["tag:baseline", 'tag:"two words"']);
  });

  test("is nothing more once the word is whole", () => {
    expect(texts("state:running")).toEqual([]);
    expect(texts("lr<1e-3")).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { marked, piecesOf, plainOf } from "../../src/logs/ansi";

const kinds = (line: string) => piecesOf(line).map(({ text, kind, color, ground }) => [text, [kind, color, ground].filter(Boolean).join(" ")]);

describe("colours in a line", () => {
  it("are left until others come, or the end of all", () => {
    expect(kinds("a\x1b[31mb\x1b[1mc\x1b[0md")).toEqual([["a", ""], ["b", "f1"], ["c", "bold f1"], ["d", ""]]);
    expect(kinds("\x1b[91;44mx\x1b[39my\x1b[49mz")).toEqual([["x", "f9 b4"], ["y", "b4"], ["z", ""]]);
    expect(kinds("\x1b[1;3mx\x1b[22my\x1b[23mz")).toEqual([["x", "bold italic"], ["y", "italic"], ["z", ""]]);
    expect(kinds("\x1b[32mx\x1b[my")).toEqual([["x", "f2"], ["y", ""]]);
  });

  it("may be any of 256, or of 16 million", () => {
    expect(kinds("\x1b[38;5;9mx")).toEqual([["x", "f9"]]);
    expect(kinds("\x1b[38;5;208mx")).toEqual([["x", "rgb(255 135 0)"]]);
    expect(kinds("\x1b[48;5;232mx")).toEqual([["x", "rgb(8 8 8)"]]);
    expect(kinds("\x1b[38;2;1;2;3;4mx")).toEqual([["x", "under rgb(1 2 3)"]]);
  });

  it("may be turned around", () => {
    expect(kinds("\x1b[7mx\x1b[31my\x1b[27mz")).toEqual([["x", "fturned bturned"], ["y", "fturned b1"], ["z", "f1"]]);
  });

  it("never become markup or a style of the writer's own", () => {
    expect(kinds("\x1b[38;2;red;url(x);1mx")).toEqual([["ed;url(x);1mx", ""]]);
    expect(kinds("\x1b[999999999mx")).toEqual([["x", ""]]);
    expect(kinds("\x1b[38;2;999;;7mx")).toEqual([["x", "rgb(255 0 7)"]]);
    expect(kinds("<b>\x1b[1m</b>")).toEqual([["<b>", ""], ["</b>", "bold"]]);
  });

  it("and all other sequences are no text", () => {
    expect(plainOf("a\x1b[2K\x1b[31mb\x1b[0m\x1b")).toBe("ab");
    expect(plainOf("plain")).toBe("plain");
  });
});

describe("what was found", () => {
  it("is marked across colours", () => {
    const pieces = marked(piecesOf("lo\x1b[31mss 0\x1b[0m.5"), [[1, 6]]);
    expect(pieces.map(({ text, kind, isFound }) => [text, kind, isFound])).toEqual([
      ["l", "", false], ["o", "", true], ["ss 0", "f1", true], [".5", "", false],
    ]);
  });

  it("may be nowhere", () => {
    expect(marked(piecesOf(""), [])).toEqual([]);
  });
});

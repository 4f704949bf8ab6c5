import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BLOCK_LINES, Blocks } from "../../src/logs/blocks";

const asked: { from: number; count: number }[] = [];
// The server gives no more than this at once, as it does where lines are long.
let most = 1000;

beforeEach(() => {
  asked.length = 0;
  most = 1000;
  vi.stubGlobal("fetch", (address: URL, init: RequestInit) => {
    const [from, count] = ["from", "count"].map((name) => Number(address.searchParams.get(name)));
    asked.push({ from: from ?? 0, count: count ?? 0 });
    const texts = Array.from({ length: Math.min(most, count ?? 0) }, (_, place) => `line ${(from ?? 0) + place}`);
    const body = { from, streams: "1".repeat(texts.length), times: texts.map(() => 5), texts };
    return new Promise((resolve, reject) => {
      init.signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
      setTimeout(() => resolve({ ok: true, json: async () => body }));
    });
  });
});
afterEach(() => vi.unstubAllGlobals());

const come = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("lines that are in view", () => {
  it("are fetched in blocks, once", async () => {
    const blocks = new Blocks("r", () => undefined, () => undefined);
    blocks.want([{ log: 1, count: 10_000, first: 240, last: 260 }]);
    blocks.want([{ log: 1, count: 10_000, first: 241, last: 261 }]);
    await come();
    blocks.want([{ log: 1, count: 10_000, first: 241, last: 261 }]);
    expect(asked).toEqual([{ from: 0, count: BLOCK_LINES }, { from: BLOCK_LINES, count: BLOCK_LINES }]);
    expect(blocks.line(1, 255)).toEqual({ text: "line 255", stream: "stderr", time: 5 });
    expect(blocks.line(1, 700)).toBeUndefined();
  });

  it("are added to when there are more, and only these are asked for", async () => {
    const blocks = new Blocks("r", () => undefined, () => undefined);
    blocks.want([{ log: 1, count: 10, first: 0, last: 9 }]);
    await come();
    blocks.want([{ log: 1, count: 12, first: 0, last: 11 }]);
    await come();
    expect(asked).toEqual([{ from: 0, count: 10 }, { from: 10, count: 2 }]);
    expect(blocks.line(1, 11)?.text).toBe("line 11");
  });

  it("are asked for again where the server gave a part", async () => {
    most = 100;
    const blocks = new Blocks("r", () => blocks.want(view), () => undefined);
    const view = [{ log: 1, count: 250, first: 0, last: 249 }];
    blocks.want(view);
    await come();
    await come();
    await come();
    expect(asked.map((one) => one.from)).toEqual([0, 100, 200]);
    expect(blocks.line(1, 249)?.text).toBe("line 249");
  });

  it("and are in view no more, are let go, and asked for when they are again", async () => {
    const refused: string[] = [];
    const blocks = new Blocks("r", () => undefined, (problem) => refused.push(problem));
    blocks.want([{ log: 1, count: 10_000, first: 0, last: 9 }]);
    blocks.want([{ log: 1, count: 10_000, first: 5_000, last: 5_009 }]);
    blocks.want([{ log: 1, count: 10_000, first: 0, last: 9 }]);
    await come();
    expect(blocks.line(1, 0)?.text).toBe("line 0");
    expect(blocks.line(1, 5_000)).toBeUndefined();
    expect(refused).toEqual([]);
  });
});

import { render } from "preact";
import { expect, test } from "vitest";
import { Notes } from "../../src/charts/notes";
import type { ChartData } from "../../src/charts/types";

test("each name is written in its own direction, on the page and in the title", () => {
  const data: ChartData = { key: "loss", x: "epoch", width: 1, curves: [], lacking: ["p/a", "p/b"] };
  const runs = [{ ref: "p/a", name: "rtl \u202e evil" }, { ref: "p/b", name: "other" }];
  const root = document.createElement("div");
  render(<Notes data={data} runs={runs} lines={[]} isLog={false} />, root);
  expect([...root.querySelectorAll("bdi")].map((one) => one.textContent)).toEqual(["rtl \u202e evil", "other", "epoch"]);
  expect(root.textContent).toBe("rtl \u202e evil, other have no epoch at its steps");
  expect(root.querySelector("p")?.title).toBe("\u2068rtl \u202e evil\u2069, \u2068other\u2069 have no \u2068epoch\u2069 at its steps");
});

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { pruned } from "../vite.uplot";

test("what no chart uses of uPlot is cut off, and another uPlot is refused", () => {
  const code = readFileSync(resolve(__dirname, "../node_modules/uplot/dist/uPlot.esm.js"), "utf8");
  const left = pruned(code);
  expect(left).not.toContain("uPlot.paths");
  expect(left).toContain("export { uPlot as default }");
  expect(() => pruned(left)).toThrow("uPlot has no longer static functions");
});

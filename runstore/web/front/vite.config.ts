import { defineConfig } from "vitest/config";
import { exportedPage } from "./vite.export.ts";
import { packed } from "./vite.packed.ts";
import { prunedPlots } from "./vite.uplot.ts";

const LATER = "picker|viewlist|empty|howto|filterpanel|completing"; // of the table: what is opened, or seldom seen
const SHELL = new RegExp(
  `node_modules.preact|src.(main|shell.(?!overlay)|parts.(colors|memo|menu|projectbar|shownrun|swatch|tabs|words)|runtable.(?!${LATER})|charts.charts.css|pages.project\\b|style.(base|shell|controls|runtable))`,
);
export default defineConfig({
  base: "./",
  plugins: [prunedPlots(), exportedPage(), packed()],
  build: {
    outDir: "../static",
    emptyOutDir: true,
    target: "es2022",
    license: { fileName: "licenses.md" }, // of the libraries that are in the bundle: they ask to be named
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // What every page and the table need comes in one piece: each further one costs a round trip, and headers.
      output: { codeSplitting: { groups: [{ name: "shell", test: SHELL }] } },
    },
    assetsInlineLimit: 0, // the content security policy allows no data URLs of scripts or styles
  },
  test: { environment: "happy-dom", include: ["tests/**/*.test.{ts,tsx}"] },
});

/**
 * The page of an exported file: one script and one style sheet, put into the file by runstore/web/export/page.py.
 *
 * It is made of the same components as the pages of a server. What asks a server, or changes the address, is replaced by
 * modules of the same names that answer from the data in the file. What draws in three dimensions is in scripts of its
 * own, which only those files have that need them.
 */
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type InlineConfig, type Plugin } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const REPLACED: Record<string, string> = {
  "node_modules/3dmol/build/3Dmol.es6-min.js": "src/export/molecules.ts",
  "src/charts/asking.ts": "src/export/asking.ts",
  "src/media/bytes.ts": "src/export/bytes.ts",
  "src/media/figures.tsx": "src/export/figures.tsx",
  "src/media/frame.tsx": "src/export/frame.tsx",
  "src/media/stage.ts": "src/export/stage.ts",
  "src/shell/api.ts": "src/export/api.ts",
  "src/shell/router.ts": "src/export/router.ts",
};
/** Script -> what it is made of, and the name by which the page finds it. */
const LIBRARIES: Record<string, [entry: string, name: string]> = {
  "stage.js": ["src/media/stage.ts", "runstoreStage"],
  "molecules.js": ["node_modules/3dmol/build/3Dmol.es6-min.js", "runstoreMolecules"],
};

function withoutServer(): Plugin {
  return {
    name: "without-server",
    enforce: "pre",
    async resolveId(source, importer, options) {
      const found = await this.resolve(source, importer, { ...options, skipSelf: true });
      const replaced = Object.entries(REPLACED).find(([path]) => found?.id === resolve(here, path));
      return replaced ? resolve(here, replaced[1]) : found;
    },
  };
}

/** One script that puts what `entry` exports under a name of all scripts. */
function script(outDir: string, fileName: string, entry: string, name: string, plugins: Plugin[] = []): InlineConfig {
  return {
    root: here,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    plugins,
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      outDir,
      emptyOutDir: false,
      target: "es2022",
      cssCodeSplit: false,
      chunkSizeWarningLimit: 1000,
      lib: { entry: resolve(here, entry), formats: ["iife"], name, fileName: () => fileName, cssFileName: "page" },
    },
  };
}

/** Build it whenever the pages are built. */
export function exportedPage(): Plugin {
  return {
    name: "exported-page",
    apply: "build",
    async writeBundle(options) {
      const outDir = resolve(options.dir ?? resolve(here, "../static"), "export");
      await build(script(outDir, "page.js", "src/export/main.tsx", "runstoreExport", [withoutServer()]));
      for (const [fileName, [entry, name]] of Object.entries(LIBRARIES)) await build(script(outDir, fileName, entry, name));
    },
  };
}

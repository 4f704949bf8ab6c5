/** What draws molecules, from a script that is in the file where it is needed: stands in the place of 3Dmol.js. */
export const { createViewer } = (globalThis as { runstoreMolecules?: typeof import("3dmol/build/3Dmol.es6-min.js") }).runstoreMolecules ?? ({} as typeof import("3dmol/build/3Dmol.es6-min.js"));

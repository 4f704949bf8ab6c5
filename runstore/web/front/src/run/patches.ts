/** A patch, as `git diff` and Python's difflib write it, taken apart into its files. */

export interface FilePatch {
  name: string;
  /** Without the lines that only name the file. */
  lines: string[];
  added: number;
  removed: number;
}

export function patchesOf(text: string): FilePatch[] {
  const patches: FilePatch[] = [];
  let inHead = false;
  for (const line of text.replace(/\n$/, "").split("\n")) {
    const named = /^diff --git a\/.* b\/(.*)$/.exec(line);
    if (named || !patches.length) {
      patches.push({ name: named?.[1] ?? "", lines: [], added: 0, removed: 0 });
      inHead = true;
      if (named) continue;
    }
    const patch = patches[patches.length - 1];
    if (!patch) continue;
    if (line.startsWith("@@")) inHead = false;
    if (inHead) {
      // Of the head only what is no repetition of the name is shown: a new mode, a binary file.
      if (line.startsWith("+++ ") && !patch.name) patch.name = line.slice(4).replace(/^b\//, "");
      if (!/^(index |--- |\+\+\+ )/.test(line) && line) patch.lines.push(line);
      continue;
    }
    if (line.startsWith("+")) patch.added += 1;
    if (line.startsWith("-")) patch.removed += 1;
    patch.lines.push(line);
  }
  return patches;
}

/** A patch, file by file, each line in the colour of what it does. */
import { useState } from "preact/hooks";
import { many } from "../parts/words";
import { type FilePatch, patchesOf } from "./patches";

const MOST_LINES = 400;

export function Diff({ text }: { text: string }) {
  const patches = patchesOf(text);
  return (
    <div class="diffs">
      {patches.map((patch, place) => <One key={`${place} ${patch.name}`} patch={patch} open={patches.length <= 5} />)}
    </div>
  );
}

function One({ patch, open }: { patch: FilePatch; open: boolean }) {
  const [isOpen, setOpen] = useState(open);
  const [whole, setWhole] = useState(false);
  const lines = whole ? patch.lines : patch.lines.slice(0, MOST_LINES);
  return (
    <section class="diff">
      <button type="button" class="plain" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> <span class="code">{patch.name}</span>
        <span class="added">+{patch.added}</span> <span class="removed">−{patch.removed}</span>
      </button>
      {isOpen && (
        <pre class="code" tabIndex={0}>
          {lines.map((line, place) => <span key={place} class={kindOf(line)}>{`${line}\n`}</span>)}
        </pre>
      )}
      {isOpen && lines.length < patch.lines.length && (
        <button type="button" class="more" onClick={() => setWhole(true)}>{many(patch.lines.length - lines.length, "more line")}</button>
      )}
    </section>
  );
}

function kindOf(line: string): string {
  if (line.startsWith("+")) return "added";
  if (line.startsWith("-")) return "removed";
  return line.startsWith("@@") ? "place" : "";
}

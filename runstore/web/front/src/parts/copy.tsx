/** A button that puts a text into the clipboard. */
import { useState } from "preact/hooks";
import { announce, toast } from "../shell/says";

const SHOWN_MS = 1_500;
// Drawn: fonts without a sign for it show an empty box.
const SIGN = (
  <svg viewBox="0 0 12 12" width="11" height="11" fill="none" stroke="currentColor" stroke-width="1.2" aria-hidden="true">
    <rect x="1" y="3.5" width="7" height="7.5" rx="1" />
    <path d="M4 3.5V2a1 1 0 0 1 1-1h5a1 1 0 0 1 1 1v5.5a1 1 0 0 1-1 1H8" />
  </svg>
);

export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    if (!(await copied(text))) return toast("This browser lets no page write to the clipboard here.", "error");
    announce("Copied");
    setDone(true);
    setTimeout(() => setDone(false), SHOWN_MS);
  };
  return <button type="button" class="plain" aria-label={label} title={label} onClick={() => void copy()}>{isDone ? "✓" : SIGN}</button>;
}

/** Put a text into the clipboard, also where a page has no right to: without https, on another host than this one. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    return isDone;
  }
}

/** Keys that do something: who is on the page names its keys, and `?` shows all of them. */
import { useEffect, useRef } from "preact/hooks";
import { store } from "./store";

export interface Key {
  /** As `KeyboardEvent.key` has it, such as "/" or "j"; two with a space between them are typed one after the other. */
  keys: string;
  /** What it does, as the overlay says it. */
  says: string;
  /** Left out of what has keys of its own while it has the focus: it is only listed. */
  run?: () => void;
  /** Where it is listed; by default "This page". */
  where?: string;
}

const BETWEEN_MS = 1_000;
const shown = new Set<readonly Key[]>();
/** Whether the overlay is open. */
export const overlay = store(false);
let before = "";
let beforeAt = 0;

/** All keys that work now, those of the page before those of the frame. */
export function keysNow(): Key[] {
  return [...shown].reverse().flat();
}

export function listenToKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const pair = Date.now() - beforeAt < BETWEEN_MS ? `${before} ${event.key}` : "";
    const known = keysNow().filter((key) => key.run);
    const found = known.find((key) => key.keys === pair) ?? known.find((key) => key.keys === event.key);
    before = event.key;
    beforeAt = Date.now();
    if (!found?.run) return;
    event.preventDefault();
    found.run();
  });
}

/** While the component is shown, these keys work; the newest functions given count. */
export function useKeys(keys: readonly Key[]): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const mine = keys.map((key, place) => (key.run ? { ...key, run: () => latest.current[place]?.run?.() } : key));
    shown.add(mine);
    return () => {
      shown.delete(mine);
    };
  }, [keys.map((key) => key.keys).join("\n")]);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "range"].includes(target.type);
}

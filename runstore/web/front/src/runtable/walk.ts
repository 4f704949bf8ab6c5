/** Keys that walk through the table: what is walked is the focus, so that Enter opens a run, and screen readers say it. */
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useKeys } from "../shell/keys";

/** The line that has the focus, or else is under the pointer. */
function lineNow(box: HTMLElement): HTMLElement | null {
  const focused = document.activeElement?.closest<HTMLElement>("tbody tr") ?? null;
  return focused && box.contains(focused) ? focused : box.querySelector<HTMLElement>("tbody tr.hovered");
}

/** Put the focus on the line after, or before, the one that has it; without one, on the first that is in view. */
export function step(box: HTMLElement, by: number): void {
  const lines = [...box.querySelectorAll<HTMLElement>("tbody tr[aria-rowindex]")];
  const now = lineNow(box);
  const top = box.getBoundingClientRect().top + (box.querySelector("thead")?.clientHeight ?? 0);
  const next = now ? lines[lines.indexOf(now) + by] : lines.find((line) => line.getBoundingClientRect().top >= top);
  next?.querySelector("a")?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

/** While a table is shown, keys move through it. */
export function useWalk(box: RefObject<HTMLElement | null>): void {
  const press = (selector: string) => () => box.current && lineNow(box.current)?.querySelector<HTMLElement>(selector)?.click();
  useKeys([
    { keys: "j", says: "To the next run; Enter opens it", run: () => box.current && step(box.current, 1), where: "Table" },
    { keys: "k", says: "To the run before", run: () => box.current && step(box.current, -1), where: "Table" },
    { keys: "x", says: "Draw the run, or don't", run: press(".switch"), where: "Table" },
    { keys: "p", says: "Keep the run at the top, or let it go", run: press(".pin"), where: "Table" },
  ]);
}

/** What pins a run, or lets it go: where the focus was on the run, it goes with it to its new place. */
export function useFollowing(box: RefObject<HTMLElement | null>, onPin: (ref: string) => void): (ref: string) => void {
  const followed = useRef("");
  useEffect(() => {
    if (!followed.current || document.activeElement !== document.body) return;
    const lines = [...(box.current?.querySelectorAll<HTMLElement>("tbody tr[data-ref]") ?? [])];
    lines.find((line) => line.dataset.ref === followed.current)?.querySelector<HTMLElement>(".pin")?.focus({ preventScroll: true });
    followed.current = "";
  });
  return (ref) => {
    const line = document.activeElement?.closest<HTMLElement>("tr[data-ref]");
    followed.current = line?.dataset.ref === ref ? ref : "";
    onPin(ref);
  };
}

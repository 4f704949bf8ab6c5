/** A button that opens a small list of things to do; arrow keys move in it, Escape and a click elsewhere close it. */
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";

const EDGE_PX = 8;

interface MenuProps {
  /** What the button shows, and what it is called where that is no text. */
  button: ComponentChildren;
  label?: string;
  kind?: string;
  /** Where the list is put: below the button's end, or its start. */
  at?: "start" | "end";
  /** The list; `close` closes it, and the button has the focus again. */
  children: (close: () => void) => ComponentChildren;
}

export function Menu({ button, label, kind = "plain", at = "start", children }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const close = () => setOpen(false);
  const leave = () => (close(), box.current?.querySelector("button")?.focus());
  useLayoutEffect(() => {
    if (!isOpen) return;
    const panel = box.current?.querySelector<HTMLElement>(".panel");
    if (panel) putIntoView(panel); // before it is seen for the first time
    itemsOf(box.current)[0]?.focus();
    const sizes = new ResizeObserver(() => panel && putIntoView(panel));
    if (panel) sizes.observe(panel);
    const outside = (event: Event) => !box.current?.contains(event.target as Node) && close();
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return; // wherever the focus is: what had it may be gone from the list
      event.preventDefault();
      leave();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("keydown", escape, true);
    return () => {
      sizes.disconnect();
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("keydown", escape, true);
    };
  }, [isOpen]);
  const onKeyDown = (event: KeyboardEvent) => isOpen && move(event, box.current);
  return (
    <div class="menu" ref={box} onKeyDown={onKeyDown}>
      <button type="button" class={kind} aria-haspopup="true" aria-expanded={isOpen} aria-controls={id} aria-label={label} title={label} onClick={() => setOpen(!isOpen)}>
        {button}
      </button>
      {isOpen && <div class={`panel ${at}`} id={id}>{children(leave)}</div>}
    </div>
  );
}

/** In a narrow window the button may be where its list has no room on the side that it was meant for. */
function putIntoView(panel: HTMLElement): void {
  panel.style.translate = "";
  const { left, right } = panel.getBoundingClientRect();
  const by = left < EDGE_PX ? EDGE_PX - left : Math.min(0, document.documentElement.clientWidth - EDGE_PX - right);
  if (by) panel.style.translate = `${by}px`;
}

function itemsOf(box: HTMLElement | null): HTMLElement[] {
  return [...(box?.querySelectorAll<HTMLElement>(".panel .item:not(:disabled), .panel input") ?? [])];
}

function move(event: KeyboardEvent, box: HTMLElement | null): void {
  const items = itemsOf(box);
  const at = items.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (to === undefined || (document.activeElement instanceof HTMLInputElement && ["Home", "End"].includes(event.key))) return;
  event.preventDefault();
  items[(to + items.length) % items.length]?.focus();
}

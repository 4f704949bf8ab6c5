/**
 * Any number of rows of one height, of which only those in view are there.
 *
 * Browsers bound how high an element can be (Firefox at 17.9 million pixels): of more rows than fit, the scroll bar
 * stands for their share, and wheel and keys move by rows.
 */
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from "preact/hooks";

export const ROW_PX = 19;
const MOST_PX = 6_000_000;
// Rows beyond the view that are there already.
const BEYOND = 12;

export interface Control {
  /** Bring a row into the middle of the view, unless it is in view. */
  show(row: number): void;
}

interface ScrollerProps {
  total: number;
  label: string;
  draw: (row: number) => ComponentChildren;
  /** Whether the end stays in view when rows come. */
  follow: boolean;
  onFollow: (follow: boolean) => void;
  /** Told which rows are in view. */
  onView: (first: number, last: number) => void;
  control: { current: Control | null };
  children?: ComponentChildren;
}

export function Scroller({ total, label, draw, follow, onFollow, onView, control, children }: ScrollerProps) {
  const element = useRef<HTMLDivElement>(null);
  const [{ top, height }, setView] = useState({ top: 0, height: 600 });
  const expected = useRef(0);
  const fit = height / ROW_PX;
  const length = Math.min(total * ROW_PX, MOST_PX);
  const isScaled = total * ROW_PX > MOST_PX;
  const most = Math.max(0, total - fit);

  const move = useCallback((wanted: number) => {
    const box = element.current;
    if (!box) return;
    const to = Math.min(most, Math.max(0, wanted));
    box.scrollTop = most ? (to / most) * (length - box.clientHeight) : 0;
    expected.current = box.scrollTop;
    setView((old) => ({ ...old, top: to }));
  }, [most, length]);

  useImperativeHandle(control, () => ({
    show(row) {
      if (row < top + 1 || row > top + fit - 2) move(row - Math.floor(fit / 2));
    },
  }), [move, top, fit]);

  useLayoutEffect(() => {
    const box = element.current;
    if (!box) return;
    const measure = () => setView((old) => (old.height === box.clientHeight ? old : { ...old, height: box.clientHeight }));
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(box);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (follow) move(most);
    else if (isScaled) move(top); // the share of what is in view has become another
  }, [total, follow, most]);
  useEffect(() => {
    const box = element.current;
    if (!box || !isScaled) return;
    const turn = (event: WheelEvent) => {
      if (event.ctrlKey || !event.deltaY) return;
      event.preventDefault();
      if (event.deltaY < 0) onFollow(false);
      move(top + (event.deltaMode ? event.deltaY : event.deltaY / ROW_PX));
    };
    box.addEventListener("wheel", turn, { passive: false });
    return () => box.removeEventListener("wheel", turn);
  }, [isScaled, move, top, onFollow]);

  const first = Math.max(0, Math.floor(top) - BEYOND);
  const last = Math.min(total - 1, Math.ceil(top + fit) + BEYOND);
  useEffect(() => onView(first, last), [first, last, total]);

  const scrolled = () => {
    const box = element.current;
    if (!box || Math.abs(box.scrollTop - expected.current) < 1) return;
    expected.current = box.scrollTop;
    const room = length - box.clientHeight;
    const to = room > 0 ? (box.scrollTop / room) * most : 0;
    onFollow(to > most - 1);
    setView((old) => ({ ...old, top: to }));
  };
  const pressed = (event: KeyboardEvent) => {
    const by = { ArrowUp: -1, ArrowDown: 1, PageUp: 1 - fit, PageDown: fit - 1, Home: -total, End: total }[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    onFollow(event.key === "End");
    move(top + by);
  };
  const rows = [];
  for (let row = first; row <= last; row += 1) rows.push(draw(row));
  const shift = (element.current?.scrollTop ?? 0) + (first - top) * ROW_PX;
  return (
    <div class="scroller">
      <div ref={element} class="view" role="region" aria-label={label} tabIndex={0} onScroll={scrolled} onKeyDown={pressed}>
        <div class="length" style={{ height: `${length}px` }}>
          <div class="rows" style={{ transform: `translateY(${isScaled ? shift : first * ROW_PX}px)` }}>{rows}</div>
        </div>
      </div>
      {children}
    </div>
  );
}

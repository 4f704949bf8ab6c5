/** Which rows of a long table are in view: only these are in the page. */
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

export const ROW_PX = 28;
const BEYOND = 8;
/** So many rows are scrolled before others are put into the page. */
const STRIDE_PX = 6 * ROW_PX;

export interface Window {
  first: number;
  /** The last row that is shown, or -1. */
  last: number;
}

/** The rows between two heights, with some before and after; `top` and `height` in pixels. */
export function windowOf(top: number, height: number, count: number): Window {
  const first = Math.max(0, Math.floor(top / ROW_PX) - BEYOND);
  return { first, last: Math.min(count - 1, Math.ceil((top + STRIDE_PX + height) / ROW_PX) + BEYOND) };
}

/** The rows that are in view of a scrolled element, whose rows begin after `before` pixels. */
export function useWindow(element: RefObject<HTMLElement | null>, count: number, before: number): Window {
  const [at, setAt] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const box = element.current;
    if (!box) return;
    let frame = 0;
    const look = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        const top = Math.max(0, Math.floor((box.scrollTop - before) / STRIDE_PX) * STRIDE_PX);
        setAt((old) => (old.top === top && old.height === box.clientHeight ? old : { top, height: box.clientHeight }));
      });
    };
    const sizes = new ResizeObserver(look);
    sizes.observe(box);
    box.addEventListener("scroll", look, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      box.removeEventListener("scroll", look);
    };
  }, [before]);
  return windowOf(at.top, at.height, count);
}

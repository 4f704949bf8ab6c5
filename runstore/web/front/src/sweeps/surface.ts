/** A canvas as large as its place, sharp on any screen; drawn anew when its size or the theme changes. */
import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useStore } from "../shell/store";
import { paint } from "../shell/theme";
import { isDarkNow } from "./ramp";

/** The width of an element, followed as it changes; 0 before it is known. */
export function useWidth(): [RefObject<HTMLDivElement | null>, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    setWidth(element.clientWidth);
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return [box, width];
}

/** Whether the page is dark, followed as it changes. */
export function useDark(): boolean {
  useStore(paint);
  return isDarkNow();
}

/** Draw into a canvas in its own pixels; returns undefined where there is no drawing, as in tests. */
export function prepared(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | undefined {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d") ?? undefined;
  context?.scale(ratio, ratio);
  return context;
}

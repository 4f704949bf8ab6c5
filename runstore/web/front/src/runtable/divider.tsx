/** The line between table and charts, which is dragged, or moved with the arrow keys; its place stays in this browser. */
import { useEffect, useState } from "preact/hooks";

const PLACE = "runstore-side";
const DEFAULT_PX = 440;
const LEAST_PX = 220;
const STEP_PX = 24;

export function useSide(): [number, (width: number) => void] {
  const [width, setWidth] = useState(() => bounded(Number(localStorage.getItem(PLACE)) || DEFAULT_PX));
  useEffect(() => localStorage.setItem(PLACE, String(width)), [width]);
  return [width, (next) => setWidth(bounded(next))];
}

function bounded(width: number): number {
  return Math.round(Math.max(LEAST_PX, Math.min(width, innerWidth - LEAST_PX)));
}

export function Divider({ width, onWidth }: { width: number; onWidth: (width: number) => void }) {
  return (
    <div
      class="divider" role="separator" aria-orientation="vertical" aria-label="Width of the table" tabIndex={0}
      aria-valuenow={width} aria-valuemin={LEAST_PX} aria-valuemax={Math.round(innerWidth - LEAST_PX)}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && onWidth(event.clientX)}
      onDblClick={() => onWidth(DEFAULT_PX)}
      onKeyDown={(event) => {
        const by = { ArrowLeft: -STEP_PX, ArrowRight: STEP_PX }[event.key];
        if (by) onWidth(width + by);
      }}
    />
  );
}

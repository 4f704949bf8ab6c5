/** One upright axis: its name, its ticks, and the range that is drawn on it. */
import { useRef, useState } from "preact/hooks";
import { type Axis, plain } from "./axes";
import { type Brush, brushOf, span } from "./brushes";

const WIDE = 14; // of what takes the pointer, to each side
const CLICK = 4; // pixels; what is moved less is a click
const CHARACTERS = 16;

interface AxisMarkProps {
  axis: Axis;
  x: number;
  top: number;
  bottom: number;
  brush: Brush | undefined;
  isFirst: boolean;
  isLast: boolean;
  onBrush: (brush: Brush | undefined) => void;
  onMove: (by: number) => void;
}

export function AxisMark({ axis, x, top, bottom, brush, isFirst, isLast, onBrush, onMove }: AxisMarkProps) {
  const [drawn, setDrawn] = useState<[number, number]>();
  const from = useRef<number>(undefined);
  const y = (place: number) => top + (1 - place) * (bottom - top);
  const placeOf = (event: PointerEvent) => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    return 1 - (event.clientY - box.top) / box.height;
  };
  const onPointerDown = (event: PointerEvent) => {
    (event.currentTarget as SVGElement).setPointerCapture(event.pointerId);
    from.current = placeOf(event);
  };
  const onPointerMove = (event: PointerEvent) => {
    if (from.current !== undefined) setDrawn([from.current, placeOf(event)]);
  };
  const onPointerUp = (event: PointerEvent) => {
    const began = from.current;
    from.current = undefined;
    setDrawn(undefined);
    if (began === undefined) return;
    const end = placeOf(event);
    onBrush(Math.abs(end - began) * (bottom - top) < CLICK ? undefined : brushOf(axis, began, end));
  };
  const shown = drawn ? [Math.min(...drawn), Math.max(...drawn)] as const : brush && span(axis, brush);
  const name = plain(axis.name);
  return (
    <g class="axis" transform={`translate(${x} 0)`}>
      <foreignObject x={-60} y={0} width={120} height={top - 8}>
        <div class="axisname">
          <button type="button" aria-label={`Move ${name} to the left`} disabled={isFirst} onClick={() => onMove(-1)}>‹</button>
          <span title={axis.name}>{name}</span>
          <button type="button" aria-label={`Move ${name} to the right`} disabled={isLast} onClick={() => onMove(1)}>›</button>
        </div>
      </foreignObject>
      <line y1={top} y2={bottom} class="rule" />
      {axis.ticks.map((tick) => (
        <g key={tick.text} transform={`translate(0 ${y(tick.at)})`}>
          <line x1={-4} x2={4} class="rule" />
          <text x={isLast ? -8 : 8} y={4} text-anchor={isLast ? "end" : "start"} class="ticktext">{cut(tick.text)}</text>
        </g>
      ))}
      {shown && <rect class="brush" x={-7} width={14} y={y(shown[1])} height={Math.max(2, y(shown[0]) - y(shown[1]))} rx={3} />}
      <rect
        class="catch" x={-WIDE} width={2 * WIDE} y={top} height={bottom - top}
        onPointerDown={onPointerDown} onPointerMove={onPointerMove} onPointerUp={onPointerUp}
      >
        <title>{`${axis.name}: draw a range; click to take it away`}</title>
      </rect>
    </g>
  );
}

function cut(text: string): string {
  return text.length > CHARACTERS ? `${text.slice(0, CHARACTERS - 1)}…` : text;
}

/** Runs as points by two columns; a range of both is drawn with the pointer. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Axis, plain } from "./axes";
import { type Brush, brushOf, span, type Brushes } from "./brushes";
import { colorOf } from "./ramp";
import { prepared, useDark, useWidth } from "./surface";
import type { Sweep } from "./types";

const HEIGHT = 430;
const LEFT = 76;
const RIGHT = 20;
const TOP = 14;
const BOTTOM = 46;
const ROOM = 12; // inside the frame, so that no point lies on it
const NEAR = 14;
const CLICK = 4;

interface ScatterProps {
  sweep: Sweep;
  x: Axis;
  y: Axis;
  color: Axis | undefined;
  inside: ReadonlySet<number>;
  brushes: Brushes;
  onBrush: (brushes: Record<string, Brush | undefined>) => void;
  pointed: number | undefined;
  onPoint: (run: number | undefined) => void;
}

type Point = readonly [number, number];

export function ScatterPlot({ sweep, x, y, color, inside, brushes, onBrush, pointed, onPoint }: ScatterProps) {
  const [box, width] = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const isDark = useDark();
  const [drawn, setDrawn] = useState<[Point, Point]>();
  const across = Math.max(1, width - LEFT - RIGHT - 2 * ROOM);
  const down = HEIGHT - TOP - BOTTOM - 2 * ROOM;
  const left = (place: number) => LEFT + ROOM + place * across;
  const top = (place: number) => TOP + ROOM + (1 - place) * down;
  const values = (axis: Axis) => sweep.values[sweep.columns.indexOf(axis.name)];
  const pointOf = (run: number): Point | undefined => {
    const [a, b] = [x.place(values(x)?.[run]), y.place(values(y)?.[run])];
    return a === undefined || b === undefined ? undefined : [left(a), top(b)];
  };
  useEffect(() => {
    const context = canvas.current && width ? prepared(canvas.current, width, HEIGHT) : undefined;
    if (!context) return;
    const colors = color && values(color);
    const draw = (run: number, fill: string, radius: number, alpha: number) => {
      const point = pointOf(run);
      if (!point) return;
      context.globalAlpha = alpha;
      context.fillStyle = fill;
      context.beginPath();
      context.arc(point[0], point[1], radius, 0, 7);
      context.fill();
    };
    for (const run of sweep.refs.keys()) if (!inside.has(run)) draw(run, isDark ? "#3a4149" : "#c9ced5", 4, 0.6);
    for (const run of inside) draw(run, colorOf(color, colors?.[run], isDark), 5, inside.size > 800 ? 0.5 : 0.85);
    if (pointed !== undefined) {
      draw(pointed, isDark ? "#e6e8eb" : "#16191d", 9, 1);
      draw(pointed, colorOf(color, colors?.[pointed], isDark), 6.5, 1);
    }
  });
  const at = (event: PointerEvent): Point => {
    const from = (event.currentTarget as Element).getBoundingClientRect();
    return [event.clientX - from.left, event.clientY - from.top];
  };
  const onPointerMove = (event: PointerEvent) => {
    if (drawn) setDrawn([drawn[0], at(event)]);
    else onPoint(nearestPoint([...inside], pointOf, at(event)));
  };
  const onPointerUp = () => {
    if (!drawn) return;
    setDrawn(undefined);
    const [a, b] = drawn;
    if (Math.hypot(a[0] - b[0], a[1] - b[1]) < CLICK) return onBrush({ [x.name]: undefined, [y.name]: undefined });
    const place = (pixel: number) => (pixel - LEFT - ROOM) / across;
    const height = (pixel: number) => 1 - (pixel - TOP - ROOM) / down;
    onBrush({ [x.name]: brushOf(x, place(a[0]), place(b[0])), [y.name]: brushOf(y, height(a[1]), height(b[1])) });
  };
  return (
    <div class="plotbox" ref={box}>
      <div class="plot" style={{ height: `${HEIGHT}px` }}>
        <canvas ref={canvas} aria-hidden="true" style={{ width: `${width}px`, height: `${HEIGHT}px` }} />
        <svg
          width={width} height={HEIGHT} role="img" aria-label={`${plain(y.name)} by ${plain(x.name)}; the table below has the runs`} class="scatter"
          onPointerDown={(event) => ((event.currentTarget as Element).setPointerCapture(event.pointerId), setDrawn([at(event), at(event)]))}
          onPointerMove={onPointerMove} onPointerUp={onPointerUp} onPointerLeave={() => onPoint(undefined)}
        >
          <rect class="frame" x={LEFT} y={TOP} width={Math.max(0, width - LEFT - RIGHT)} height={HEIGHT - TOP - BOTTOM} />
          {x.ticks.map((tick) => <g key={tick.text}><line class="grid" x1={left(tick.at)} x2={left(tick.at)} y1={TOP} y2={HEIGHT - BOTTOM} /><text class="ticktext" x={left(tick.at)} y={HEIGHT - BOTTOM + 16} text-anchor="middle">{tick.text}</text></g>)}
          {y.ticks.map((tick) => <g key={tick.text}><line class="grid" x1={LEFT} x2={width - RIGHT} y1={top(tick.at)} y2={top(tick.at)} /><text class="ticktext" x={LEFT - 8} y={top(tick.at) + 4} text-anchor="end">{tick.text}</text></g>)}
          <text class="axistext" x={(LEFT + width - RIGHT) / 2} y={HEIGHT - 8} text-anchor="middle">{plain(x.name)}</text>
          <text class="axistext" transform={`translate(16 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`} text-anchor="middle">{plain(y.name)}</text>
          <Range drawn={drawn} x={brushes[x.name] && span(x, brushes[x.name]!)} y={brushes[y.name] && span(y, brushes[y.name]!)} left={left} top={top} />
        </svg>
      </div>
    </div>
  );
}

interface RangeProps {
  drawn: [Point, Point] | undefined;
  x: [number, number] | undefined;
  y: [number, number] | undefined;
  left: (place: number) => number;
  top: (place: number) => number;
}

function Range({ drawn, x, y, left, top }: RangeProps) {
  if (!drawn && !x && !y) return null;
  const [[x0, y0], [x1, y1]] = drawn ?? [[left(x?.[0] ?? 0), top(y?.[1] ?? 1)], [left(x?.[1] ?? 1), top(y?.[0] ?? 0)]];
  return <rect class="brush" x={Math.min(x0, x1)} y={Math.min(y0, y1)} width={Math.abs(x1 - x0)} height={Math.abs(y1 - y0)} />;
}

/** The run whose point is nearest to another one; undefined where none is near. */
export function nearestPoint(runs: readonly number[], pointOf: (run: number) => Point | undefined, to: Point): number | undefined {
  let found: number | undefined;
  let least = NEAR;
  for (const run of runs) {
    const point = pointOf(run);
    const distance = point ? Math.hypot(point[0] - to[0], point[1] - to[1]) : NEAR;
    if (distance < least) [least, found] = [distance, run];
  }
  return found;
}

/** Parallel coordinates: a line for each run through an axis for each column; ranges are drawn on the axes. */
import { useEffect, useRef } from "preact/hooks";
import type { Axis } from "./axes";
import { AxisMark } from "./axismark";
import { type Brush, type Brushes } from "./brushes";
import { colorOf } from "./ramp";
import { prepared, useDark, useWidth } from "./surface";
import type { Sweep } from "./types";

const HEIGHT = 430;
const TOP = 46;
const BOTTOM = 20;
const SIDE = 64;
const LEAST = 110; // between two axes
const NEAR = 10; // of a line, to the pointer

interface ParallelProps {
  sweep: Sweep;
  axes: readonly Axis[];
  color: Axis | undefined;
  inside: ReadonlySet<number>;
  brushes: Brushes;
  onBrush: (name: string, brush: Brush | undefined) => void;
  onMove: (name: string, by: number) => void;
  pointed: number | undefined;
  onPoint: (run: number | undefined) => void;
}

export function ParallelPlot({ sweep, axes, color, inside, brushes, onBrush, onMove, pointed, onPoint }: ParallelProps) {
  const [box, given] = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const isDark = useDark();
  const width = Math.max(given, (axes.length - 1) * LEAST + 2 * SIDE);
  const across = axes.length > 1 ? (width - 2 * SIDE) / (axes.length - 1) : 0;
  const columns = axes.map((axis) => sweep.values[sweep.columns.indexOf(axis.name)] ?? []);
  const x = (axis: number) => (axes.length > 1 ? SIDE + axis * across : width / 2);
  const y = (place: number) => TOP + (1 - place) * (HEIGHT - TOP - BOTTOM);
  const heights = (run: number) => axes.map((axis, at) => {
    const place = axis.place(columns[at]?.[run]);
    return place === undefined ? undefined : y(place);
  });
  useEffect(() => {
    const context = canvas.current && given ? prepared(canvas.current, width, HEIGHT) : undefined;
    if (!context) return;
    const colors = color && sweep.values[sweep.columns.indexOf(color.name)];
    const draw = (run: number, stroke: string, thick: number, alpha: number) => {
      context.strokeStyle = stroke;
      context.lineWidth = thick;
      context.globalAlpha = alpha;
      trace(context, heights(run), x);
    };
    const alpha = Math.min(0.9, Math.max(0.12, 24 / Math.sqrt(inside.size * 8 + 1)));
    for (const run of sweep.refs.keys()) if (!inside.has(run)) draw(run, isDark ? "#3a4149" : "#c9ced5", 1, 0.35);
    for (const run of inside) draw(run, colorOf(color, colors?.[run], isDark), 1.4, alpha);
    if (pointed !== undefined) {
      draw(pointed, isDark ? "#14171a" : "#ffffff", 6, 1);
      draw(pointed, colorOf(color, colors?.[pointed], isDark), 3, 1);
    }
  });
  const point = (event: PointerEvent) => {
    if (event.buttons) return;
    const from = (event.currentTarget as Element).getBoundingClientRect();
    onPoint(nearest([...inside], heights, (event.clientX - from.left - SIDE) / (across || 1), event.clientY - from.top));
  };
  return (
    <div class="plotbox" ref={box}>
      <div class="plot" style={{ width: `${width}px`, height: `${HEIGHT}px` }}>
        <canvas ref={canvas} aria-hidden="true" style={{ width: `${width}px`, height: `${HEIGHT}px` }} />
        <svg width={width} height={HEIGHT} onPointerMove={point} onPointerLeave={() => onPoint(undefined)} role="group" aria-label="Axes; the table below has the runs">
          {axes.map((axis, at) => (
            <AxisMark
              key={axis.name} axis={axis} x={x(at)} top={TOP} bottom={HEIGHT - BOTTOM} brush={brushes[axis.name]}
              isFirst={at === 0} isLast={at === axes.length - 1}
              onBrush={(brush) => onBrush(axis.name, brush)} onMove={(by) => onMove(axis.name, by)}
            />
          ))}
        </svg>
      </div>
    </div>
  );
}

/** A line through the heights that are known, in gentle curves; it is cut where one is not. */
function trace(context: CanvasRenderingContext2D, heights: readonly (number | undefined)[], x: (axis: number) => number): void {
  context.beginPath();
  let isDown = false;
  heights.forEach((height, at) => {
    const last = heights[at - 1];
    if (height === undefined) isDown = false;
    else if (!isDown || last === undefined) {
      context.moveTo(x(at), height);
      isDown = true;
    } else {
      const bend = (x(at) - x(at - 1)) * 0.35;
      context.bezierCurveTo(x(at - 1) + bend, last, x(at) - bend, height, x(at), height);
    }
  });
  context.stroke();
}

/** The run whose line is nearest to a height, `at` axes from the first; undefined where none is near. */
export function nearest(runs: readonly number[], heights: (run: number) => readonly (number | undefined)[], at: number, height: number): number | undefined {
  let found: number | undefined;
  let least = NEAR;
  for (const run of runs) {
    const all = heights(run);
    const left = Math.min(Math.max(0, Math.floor(at)), Math.max(0, all.length - 2));
    const [from, to] = [all[left], all[left + 1] ?? all[left]];
    if (from === undefined || to === undefined) continue;
    const share = Math.min(1, Math.max(0, at - left));
    const eased = share * share * (3 - 2 * share); // about the curve that is drawn
    const distance = Math.abs(from + (to - from) * eased - height);
    if (distance < least) [least, found] = [distance, run];
  }
  return found;
}

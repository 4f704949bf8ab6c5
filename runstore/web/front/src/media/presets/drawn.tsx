/** A preset as SVG, with what a pointer is over said beside it. */
import { useState } from "preact/hooks";
import { short } from "../../parts/words";
import { ticks } from "./bins";
import { Matrix } from "./matrix";
import type { Drawing, Series } from "./presets";

const WIDTH = 480;
const HEIGHT = 260;
const LEFT = 52;
const BOTTOM = 38;
const TOP = 10;
const RIGHT = 10;

export function Drawn({ drawing }: { drawing: Drawing }) {
  return (
    <div class="media-chart">
      {drawing.title && <p class="media-chart-title">{drawing.title}</p>}
      {drawing.kind === "matrix" ? <Matrix drawing={drawing} /> : <Plot drawing={drawing} />}
    </div>
  );
}

type Plotted = Exclude<Drawing, { kind: "matrix" }>;

/** What is drawn between which values, and where these are. */
interface Scales {
  x: (value: number) => number;
  y: (value: number) => number;
  low: [number, number];
  high: [number, number];
}

function Plot({ drawing }: { drawing: Plotted }) {
  const [over, setOver] = useState("");
  const box = boundsOf(drawing);
  if (!box) return <p class="quiet">No numbers to draw.</p>;
  const scales = scalesOf(box);
  const said = drawing.kind === "bars" ? [] : drawing.kind === "histogram" ? drawing.sets : drawing.series;
  return (
    <>
      <svg class="media-plot" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${drawing.title || "Chart"}: ${drawing.y} over ${drawing.x}`} onPointerLeave={() => setOver("")}>
        <Axes scales={scales} drawing={drawing} />
        {drawing.kind === "bars" && <Bars drawing={drawing} scales={scales} onOver={setOver} />}
        {drawing.kind === "histogram" && <Steps drawing={drawing} scales={scales} />}
        {drawing.kind === "lines" && drawing.series.map((one) => <path key={one.name} class="line" d={path(one, scales)} style={{ stroke: one.color, strokeDasharray: one.dash }} onPointerMove={() => setOver(one.name)} />)}
        {drawing.kind === "dots" && drawing.series.map((one) => <path key={one.name} class="dots" d={dots(one, scales)} style={{ stroke: one.color }} onPointerMove={() => setOver(one.name)} />)}
      </svg>
      {said.length > 1 && (
        <ul class="media-legend">
          {said.map((one) => <li key={one.name} class={one.name === over ? "over" : ""}><span class="media-swatch" style={{ background: one.color }} />{one.name}</li>)}
        </ul>
      )}
      {drawing.kind === "bars" && <p class="media-over quiet" aria-live="off">{over || "\u00a0"}</p>}
    </>
  );
}

function boundsOf(drawing: Plotted): Pick<Scales, "low" | "high"> | undefined {
  if (drawing.kind === "bars") {
    const values = drawing.bars.map((bar) => bar.value);
    return values.length ? { low: [0, Math.min(0, ...values)], high: [values.length, Math.max(0, ...values)] } : undefined;
  }
  if (drawing.kind === "histogram") {
    const most = Math.max(...drawing.sets.flatMap((one) => one.counts), 0);
    return drawing.edges.length ? { low: [drawing.edges[0] ?? 0, 0], high: [drawing.edges[drawing.edges.length - 1] ?? 1, most] } : undefined;
  }
  const low: [number, number] = [Infinity, Infinity];
  const high: [number, number] = [-Infinity, -Infinity];
  for (const { points } of drawing.series) {
    for (const point of points) {
      for (const axis of [0, 1] as const) {
        low[axis] = Math.min(low[axis], point[axis]);
        high[axis] = Math.max(high[axis], point[axis]);
      }
    }
  }
  return low[0] <= high[0] ? { low, high } : undefined;
}

function scalesOf({ low, high }: Pick<Scales, "low" | "high">): Scales {
  const spans = [high[0] - low[0] || 1, high[1] - low[1] || 1] as const;
  return {
    low, high,
    x: (value) => LEFT + ((value - low[0]) / spans[0]) * (WIDTH - LEFT - RIGHT),
    y: (value) => HEIGHT - BOTTOM - ((value - low[1]) / spans[1]) * (HEIGHT - BOTTOM - TOP),
  };
}

function Axes({ scales, drawing }: { scales: Scales; drawing: Plotted }) {
  const { x, y, low, high } = scales;
  return (
    <g class="axes">
      {ticks(low[1], high[1]).map((value) => (
        <g key={value}>
          <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(value)} y2={y(value)} />
          <text x={LEFT - 5} y={y(value) + 3.5} text-anchor="end">{short(value)}</text>
        </g>
      ))}
      {drawing.kind !== "bars" && ticks(low[0], high[0]).map((value) => <text key={value} x={x(value)} y={HEIGHT - BOTTOM + 14} text-anchor="middle">{short(value)}</text>)}
      <text class="title" x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 6} text-anchor="middle">{drawing.x}</text>
      <text class="title" transform={`translate(11 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`} text-anchor="middle">{drawing.y}</text>
    </g>
  );
}

function path({ points }: Series, { x, y }: Scales): string {
  return points.map(([at, value], place) => `${place ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
}

/** Lines of no length with round ends: one element for thousands of points. */
function dots({ points }: Series, { x, y }: Scales): string {
  return points.map(([at, value]) => `M${x(at).toFixed(1)} ${y(value).toFixed(1)}h0`).join("");
}

function Bars({ drawing, scales, onOver }: { drawing: Extract<Drawing, { kind: "bars" }>; scales: Scales; onOver: (words: string) => void }) {
  const { x, y } = scales;
  const isFew = drawing.bars.length <= 12;
  return (
    <g>
      {drawing.bars.map(({ name, value, color }, place) => (
        <g key={place} onPointerMove={() => onOver(`${name}: ${short(value)}`)}>
          <rect x={x(place + 0.1)} width={Math.max(x(0.9) - x(0.1), 0.5)} y={Math.min(y(value), y(0))} height={Math.abs(y(0) - y(value))} style={{ fill: color }}><title>{`${name}: ${short(value)}`}</title></rect>
          {isFew && <text class="name" x={x(place + 0.5)} y={HEIGHT - BOTTOM + 14} text-anchor="middle">{name.length > 12 ? `${name.slice(0, 11)}…` : name}</text>}
        </g>
      ))}
    </g>
  );
}

function Steps({ drawing, scales }: { drawing: Extract<Drawing, { kind: "histogram" }>; scales: Scales }) {
  const { x, y } = scales;
  return (
    <g>
      {drawing.sets.map(({ name, color, counts }) => {
        const parts = counts.map((count, place) => `L${x(drawing.edges[place] ?? 0).toFixed(1)} ${y(count).toFixed(1)}L${x(drawing.edges[place + 1] ?? 0).toFixed(1)} ${y(count).toFixed(1)}`);
        const ends = [drawing.edges[0] ?? 0, drawing.edges[drawing.edges.length - 1] ?? 0] as const;
        return <path key={name} class="area" d={`M${x(ends[0])} ${y(0)}${parts.join("")}L${x(ends[1])} ${y(0)}Z`} style={{ fill: color, stroke: color }} />;
      })}
    </g>
  );
}

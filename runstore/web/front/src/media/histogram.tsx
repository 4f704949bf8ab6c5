/** One histogram as bars, and many of them as a heat map over steps. */
import { useEffect, useRef } from "preact/hooks";
import { short } from "../parts/words";
import { placeOf } from "./steps";
import type { Histogram } from "./types";

const WIDTH = 320;
const HEIGHT = 120;

export function HistogramView({ view, low, high, color }: { view: Histogram; low?: number; high?: number; color?: string }) {
  const { counts, edges } = view;
  if (!counts.length) return <p class="quiet">Not a histogram with finite bins.</p>;
  const from = low ?? edges[0] ?? 0;
  const to = high ?? edges[edges.length - 1] ?? 1;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return (
    <div class="media-histogram">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`Histogram of ${short(total)} values from ${short(edges[0] ?? 0)} to ${short(edges[edges.length - 1] ?? 0)}`}>
        <path d={outline(counts, edges, from, to)} style={color ? { fill: color } : {}} />
      </svg>
      <p class="media-ends quiet"><span>{short(from)}</span><span>{short(total)} values</span><span>{short(to)}</span></p>
    </div>
  );
}

/** The path around the bars, as high as the fullest; counts in unequal bins are densities. */
export function outline(counts: readonly number[], edges: readonly number[], from: number, to: number): string {
  const span = to - from || 1;
  const x = (value: number) => (((value - from) / span) * WIDTH).toFixed(1);
  const tall = counts.map((count, place) => {
    const width = (edges[place + 1] ?? 0) - (edges[place] ?? 0);
    return width > 0 ? count / width : 0;
  });
  const most = Math.max(...tall, 0) || 1;
  const parts = tall.map((height, place) => {
    const y = (HEIGHT - (height / most) * (HEIGHT - 2)).toFixed(1);
    return `L${x(edges[place] ?? 0)} ${y}L${x(edges[place + 1] ?? 0)} ${y}`;
  });
  return `M${x(edges[0] ?? 0)} ${HEIGHT}${parts.join("")}L${x(edges[edges.length - 1] ?? 0)} ${HEIGHT}Z`;
}

/** A heat map as the server sends it; shares are thousandths of `most`. */
export interface Heat {
  steps: number[];
  low: number;
  high: number;
  most: number;
  shares: number[][];
}

export function HeatMap({ heat, color, step, onStep }: { heat: Heat; color: string; step: number | null; onStep: (step: number) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const bins = heat.shares[0]?.length ?? 1;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!canvas.current || !context) return;
    context.clearRect(0, 0, heat.steps.length, bins);
    context.fillStyle = getComputedStyle(canvas.current).color; // which it is on this ground
    heat.shares.forEach((column, x) => {
      column.forEach((share, bin) => {
        context.globalAlpha = Math.sqrt(share / 1000); // what is rare stays visible
        if (share) context.fillRect(x, bins - 1 - bin, 1, 1);
      });
    });
  }, [heat, color]);
  const first = heat.steps[0] ?? 0;
  const last = heat.steps[heat.steps.length - 1] ?? 0;
  const at = step === null ? heat.steps.length - 1 : placeOf(heat.steps, step);
  const choose = (event: MouseEvent) => {
    const box = canvas.current?.getBoundingClientRect();
    if (!box) return;
    onStep(heat.steps[Math.min(Math.floor(((event.clientX - box.left) / box.width) * heat.steps.length), heat.steps.length - 1)] ?? last);
  };
  return (
    <div class="media-heat">
      <span class="media-side quiet"><span>{short(heat.high)}</span><span>{short(heat.low)}</span></span>
      <span class="media-heat-area">
        <canvas ref={canvas} style={{ color }} width={heat.steps.length} height={bins} role="img" aria-label={`Histograms from step ${first} to ${last}`} onClick={choose} />
        {at >= 0 && heat.steps.length > 1 && <span class="media-heat-mark" style={{ left: `${((at + 0.5) / heat.steps.length) * 100}%` }} />}
      </span>
      <p class="media-ends quiet"><span>step {first.toLocaleString("en")}</span><span>{last.toLocaleString("en")}</span></p>
    </div>
  );
}

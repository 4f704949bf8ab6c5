/** What is drawn beside lines: ranges of buckets, values that stand out, values that are no numbers. */
import type uPlot from "uplot";
import type { Drawn } from "./ranges";

export interface Painted extends Drawn {
  ink: string;
  /** The line without smoothing; the same as `spots` where nothing is smoothed. */
  raw: Drawn["spots"];
  /** Whether that is drawn too, faintly below. */
  showsRaw: boolean;
}

interface Place {
  x: (value: number) => number;
  y: (value: number) => number;
  top: number;
  bottom: number;
  ratio: number;
}

function placeOf(plot: uPlot): Place {
  const { top, height } = plot.bbox;
  const low = plot.scales.y?.min ?? 0;
  const isLog = plot.scales.y?.distr === 3;
  return {
    x: (value) => plot.valToPos(value, "x", true),
    y: (value) => plot.valToPos(isLog && !(value > 0) ? low : value, "y", true),
    top,
    bottom: top + height,
    ratio: devicePixelRatio,
  };
}

/** Draw inside the plotting area only. */
function inside(plot: uPlot, draw: (ctx: CanvasRenderingContext2D, place: Place) => void): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.setLineDash([]);
  draw(ctx, placeOf(plot));
  ctx.restore();
}

/** Below the lines: from the minimum to the maximum of each bucket, and what was smoothed. */
export function paintBelow(plot: uPlot, lines: readonly Painted[], faint: (line: Painted) => boolean): void {
  inside(plot, (ctx, place) => {
    for (const line of lines) {
      ctx.globalAlpha = faint(line) ? 0.05 : 0.18;
      ctx.fillStyle = line.ink;
      if (line.withRanges && line.curve.hasRanges) fillRanges(ctx, line, place);
      if (!line.showsRaw) continue;
      ctx.globalAlpha = faint(line) ? 0.08 : 0.28;
      ctx.strokeStyle = line.ink;
      ctx.lineWidth = place.ratio;
      strokeRaw(ctx, line, place);
    }
  });
}

function fillRanges(ctx: CanvasRenderingContext2D, { spots }: Painted, place: Place): void {
  let part: [number, number, number][] = [];
  const fill = () => {
    if (part.length > 1) {
      ctx.beginPath();
      for (const [x, , high] of part) ctx.lineTo(x, high);
      for (const [x, low] of part.reverse()) ctx.lineTo(x, low);
      ctx.fill();
    }
    part = [];
  };
  spots.x.forEach((x, at) => {
    const y = spots.y[at];
    const cell = spots.cells[at];
    if (y === null) return fill();
    const low = cell?.low ?? y ?? 0;
    const high = cell?.high ?? y ?? 0;
    part.push([place.x(x), place.y(low), place.y(high)]);
  });
  fill();
}

function strokeRaw(ctx: CanvasRenderingContext2D, { raw }: Painted, place: Place): void {
  ctx.beginPath();
  let isDown = false;
  raw.x.forEach((x, at) => {
    const y = raw.y[at];
    if (y === null || y === undefined) isDown = false;
    else if (isDown) ctx.lineTo(place.x(x), place.y(y));
    else {
      ctx.moveTo(place.x(x), place.y(y));
      isDown = true;
    }
  });
  ctx.stroke();
}

/** Above the lines: spikes that averages hide, points with a gap on both sides, and where values are no numbers. */
export function paintAbove(plot: uPlot, lines: readonly Painted[], faint: (line: Painted) => boolean): void {
  inside(plot, (ctx, place) => {
    for (const line of lines) {
      ctx.globalAlpha = faint(line) ? 0.2 : 0.9;
      ctx.strokeStyle = ctx.fillStyle = line.ink;
      ctx.lineWidth = place.ratio;
      strokeSpikes(ctx, line, place);
      markLone(ctx, line, place);
      markOdd(ctx, line, place);
    }
  });
}

function strokeSpikes(ctx: CanvasRenderingContext2D, { spots }: Painted, place: Place): void {
  ctx.beginPath();
  spots.x.forEach((x, at) => {
    const cell = spots.cells[at];
    const y = spots.y[at];
    if (!cell || y === null || y === undefined) return;
    for (const tip of [cell.below && cell.low, cell.above && cell.high]) {
      if (tip === false || tip === null || tip === undefined) continue;
      // On whole pixels: a line between two would be half as dark, and a spike is only this wide.
      const column = Math.round(place.x(x)) + (place.ratio % 2 ? 0.5 : 0);
      ctx.moveTo(column, place.y(y));
      ctx.lineTo(column, place.y(tip));
    }
  });
  ctx.stroke();
}

function markLone(ctx: CanvasRenderingContext2D, { spots }: Painted, place: Place): void {
  spots.x.forEach((x, at) => {
    const y = spots.y[at];
    if (y === null || y === undefined || spots.y[at - 1] != null || spots.y[at + 1] != null) return;
    ctx.beginPath();
    ctx.arc(place.x(x), place.y(y), 2.5 * place.ratio, 0, 2 * Math.PI);
    ctx.fill();
  });
}

/** A cross at the foot of the chart where values are NaN or infinite. */
function markOdd(ctx: CanvasRenderingContext2D, { spots }: Painted, place: Place): void {
  const size = 3 * place.ratio;
  const y = place.bottom - 2 * size;
  let last = -Infinity;
  ctx.beginPath();
  spots.x.forEach((x, at) => {
    const cell = spots.cells[at];
    if (cell ? !cell.odd : spots.y[at] !== null) return;
    const column = place.x(x);
    if (column - last < 2 * size) return;
    last = column;
    ctx.moveTo(column - size, y - size);
    ctx.lineTo(column + size, y + size);
    ctx.moveTo(column - size, y + size);
    ctx.lineTo(column + size, y - size);
  });
  ctx.lineWidth = 1.5 * place.ratio;
  ctx.stroke();
}

/** What uPlot is told of a chart, and what it tells: lines, axes, the pointer, a part that was marked. */
import uPlot from "uplot";
import { hovered } from "../parts/shownrun";
import { colorOf } from "../shell/theme";
import type { Aligned } from "./align";
import { axesOf } from "./axes";
import { type Painted, paintAbove, paintBelow } from "./paint";
import type { PlotLine, PlotProps } from "./plot";
import type { Range } from "./ranges";
import type { TipAt } from "./tip";

/** How near, in pixels, the pointer has to be to a line. */
const NEAR = 30;
/** Points are dots where there is so much room between them. */
const DOT_ROOM = 14;

/** What is drawn, as it is when it is asked for. */
type Now = PlotProps & { data: Aligned };

/** Draw a chart into an element; `onCursor` is called when the cursor was moved. */
export function build(element: HTMLElement, now: () => Now, onCursor: (made: uPlot) => void): uPlot {
  const { x, isLog, lines, height, data, xRange, yRange } = now();
  const faint = (line: Painted) => hovered.get() !== "" && lines.length > 1 && (line as PlotLine).ref !== hovered.get() && lines.some((one) => one.ref === hovered.get());
  return new uPlot(
    {
      width: element.clientWidth || 300,
      height,
      pxAlign: 1,
      padding: [8, null, 0, null],
      legend: { show: false },
      focus: { alpha: 0.2 },
      scales: { x: { time: false, auto: false, range: (_, low, high) => (low === high ? [low - 0.5, high + 0.5] : [low ?? xRange[0], high ?? xRange[1]]) }, y: { auto: false, distr: isLog ? 3 : 1, range: (_, low, high) => [low ?? yRange[0], high ?? yRange[1]] } },
      axes: axesOf(x, isLog, { text: colorOf("--quiet"), line: colorOf("--rule", element) }),
      series: [{}, ...lines.map((_, place) => seriesOf(now, place))],
      cursor: cursorOf(now),
      hooks: {
        drawAxes: [(made) => paintBelow(made, now().lines, faint)],
        draw: [(made) => paintAbove(made, now().lines, faint)],
        setSelect: [(made) => zoom(made, now())],
        setCursor: [onCursor],
        setSeries: [(made, place) => point(made, now(), place)],
      },
    },
    values(data, isLog),
    element,
  );
}

function seriesOf(now: () => Now, place: number): uPlot.Series {
  const line = now().lines[place];
  return {
    stroke: line?.ink ?? "#888",
    width: 1.5,
    dash: line?.dash ?? [],
    spanGaps: false,
    points: {
      size: 5,
      fill: line?.ink ?? "#888",
      // Of the line that has most: dots on some lines only would look like more than they are.
      show: (made) => {
        const [low, high] = [made.scales.x?.min ?? 0, made.scales.x?.max ?? 0];
        const shown = Math.max(...now().lines.map(({ spots }) => spots.x.filter((x) => x >= low && x <= high).length));
        return shown > 0 && made.bbox.width / devicePixelRatio / shown >= DOT_ROOM;
      },
    },
  };
}

function cursorOf(now: () => Now): uPlot.Cursor {
  return {
    y: false,
    points: { size: 7, width: 1.5 },
    drag: { x: true, y: false, setScale: false },
    focus: { prox: NEAR },
    sync: { key: `charts ${now().x}`, scales: ["x", null], match: [(a, b) => a === b, () => false], filters: { pub: (kind) => kind === "mousemove" || kind === "mouseleave" } },
    bind: { dblclick: () => () => null }, // the element around does it, since this one may be another at the second click
    // The nearest place of each line's own: lines needn't have one where another has.
    dataIdx: (made, series, at, value) => (series === 0 ? at : ownPlace(made, now().data, series - 1, at, value)),
  };
}

function ownPlace(made: uPlot, { x, y }: Aligned, line: number, at: number, value: number): number | null {
  const values = y[line];
  if (!values || values[at] !== undefined) return at;
  let [left, right] = [at, at];
  while (left >= 0 && values[left] === undefined) left -= 1;
  while (right < x.length && values[right] === undefined) right += 1;
  const [before, after] = [x[left], x[right]];
  // Beyond its ends a line is nowhere; between two of its places it is where the nearer one is.
  if (before === undefined || after === undefined) {
    const only = before ?? after;
    return only !== undefined && Math.abs(made.valToPos(only, "x") - made.valToPos(value, "x")) < 4 ? (before === undefined ? right : left) : null;
  }
  return value - before < after - value ? left : right;
}

/** What uPlot draws: on a logarithmic axis there is no place for what is not above zero. */
export function values(data: Aligned, isLog: boolean): uPlot.AlignedData {
  const y = isLog ? data.y.map((line) => line.map((value) => (typeof value === "number" && value <= 0 ? null : value))) : data.y;
  return [data.x, ...y];
}

function zoom(made: uPlot, { onZoom }: Now): void {
  const { left, width } = made.select;
  if (width < 4) return;
  const range: Range = [made.posToVal(left, "x"), made.posToVal(left + width, "x")];
  made.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onZoom(range);
}

/** Where the cursor is, if it is in this chart: by its pointer, or by keys. */
export function tipOf(made: uPlot, isByKeys: boolean): TipAt | undefined {
  const { left = -1, top = -1, idx, idxs } = made.cursor;
  // A chart that only follows another one's cross-hair says nothing.
  if (left < 0 || idx === null || idx === undefined || !(isByKeys || made.over.matches(":hover"))) return undefined;
  const height = isByKeys ? 0 : top;
  const box = made.over.getBoundingClientRect();
  const isLow = !isByKeys && box.top + height > innerHeight * 0.55;
  return { isByKeys, isLow, inWindow: box.left + left, left: left + made.over.offsetLeft, top: height + made.over.offsetTop, width: made.width, height: made.height, place: idx, places: idxs ?? [] };
}

function point(made: uPlot, { lines, onPoint }: Now, place: number | null): void {
  if (!made.over.matches(":hover")) return;
  const ref = place === null ? "" : (lines[place - 1]?.ref ?? "");
  hovered.set(ref);
  if (ref) onPoint?.(ref);
}

/** Let one run's line stand out; of none of the lines: all. */
export function focus(made: uPlot, lines: readonly PlotLine[], ref: string): void {
  const at = lines.findIndex((line) => line.ref === ref);
  made.setSeries(at < 0 ? null : at + 1, { focus: true }, false);
  made.redraw(false);
}

/** One chart on a canvas: lines, what is drawn beside them, the cross-hair, zoom by drag. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { hovered } from "../parts/shownrun";
import { later } from "../shell/later";
import { useStore } from "../shell/store";
import { paint } from "../shell/theme";
import { aligned } from "./align";
import { placeAfter } from "./cursor";
import { build, focus, tipOf, values } from "./drawing";
import type { Painted } from "./paint";
import type { Range } from "./ranges";
import type { TipAt } from "./tip";

/** A line with what it takes to draw it and to speak of it. */
export interface PlotLine extends Painted {
  ref: string;
  name: string;
  /** As CSS takes it. */
  color: string;
  dash: number[];
}

export interface PlotProps {
  lines: readonly PlotLine[];
  x: string;
  width: number;
  isLog: boolean;
  xRange: Range;
  yRange: Range;
  height: number;
  /** What somebody who doesn't see it is told. */
  label: string;
  /** A part of x was marked; undefined: show all. */
  onZoom: (range: Range | undefined) => void;
  /** The run that the pointer is at in this chart, so that more can be shown of it. */
  onPoint?: (ref: string) => void;
}

const useTips = later(() => import("./tip"));
/** Pixels from the chart: at no line. */
const NOWHERE = 1e4;

export function Plot(given: PlotProps) {
  const [isMarking, setMarking] = useState(false);
  const held = useRef(given);
  // While a part is being marked the chart stands still: runs that go on would move it away from under the pointer.
  if (!isMarking) held.current = given;
  const props = held.current;
  const { lines, x, isLog, xRange, yRange, height, label } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [tip, setTip] = useState<TipAt>();
  const tips = useTips(tip !== undefined);
  const placed = useRef<number | undefined>(undefined); // where keys put the cursor; undefined where the pointer has it
  const painted = useStore(paint);
  const data = useMemo(() => aligned(lines.map((line) => line.spots)), [lines]);
  const now = useRef({ ...props, data });
  now.current = { ...props, data };
  const shape = lines.map((line) => `${line.ref} ${line.ink} ${line.dash}`).join("\n");

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = build(element, () => now.current, (made) => setTip(tipOf(made, placed.current !== undefined)));
    plot.current = made;
    const follow = hovered.watch((ref) => focus(made, now.current.lines, ref));
    const sizes = new ResizeObserver(() => element.clientWidth && made.setSize({ width: element.clientWidth, height: now.current.height }));
    sizes.observe(element);
    return () => {
      follow();
      sizes.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape, x, isLog, painted]);

  useEffect(() => {
    const made = plot.current;
    if (!made) return;
    made.batch(() => {
      made.setData(values(data, isLog), false);
      made.setScale("x", { min: xRange[0], max: xRange[1] });
      made.setScale("y", { min: yRange[0], max: yRange[1] });
    });
    if (made.height !== height) made.setSize({ width: made.width, height });
  }, [data, xRange[0], xRange[1], yRange[0], yRange[1], height, shape, x, isLog, painted]);

  useEffect(() => {
    if (!isMarking) return;
    const end = () => setMarking(false);
    addEventListener("mouseup", end);
    return () => removeEventListener("mouseup", end);
  }, [isMarking]);

  const onKeyDown = (event: KeyboardEvent) => {
    const made = plot.current;
    const to = made && placeAfter(event, data.x, placed.current ?? tip?.place, xRange);
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    placed.current = to;
    made?.setCursor({ left: made.valToPos(data.x[to] ?? 0, "x"), top: NOWHERE });
  };
  const leave = () => {
    placed.current = undefined;
    plot.current?.setCursor({ left: -NOWHERE, top: -NOWHERE });
    setTip(undefined);
  };
  const at = tip && { at: tip, lines, data, x, width: props.width };
  return (
    <div
      class="lineplot" tabIndex={0} role="application" aria-roledescription="chart" aria-label={`${label.replace(/: \d+ runs?\b.*$/s, "")}; arrow keys move along it`}
      onMouseDown={({ button }) => button === 0 && setMarking(true)} onMouseMove={() => (placed.current = undefined)}
      onMouseLeave={leave} onDblClick={() => props.onZoom(undefined)} onKeyDown={onKeyDown} onBlur={leave}
    >
      <div ref={box} role="img" aria-label={label} style={{ height: `${height}px` }} />
      {at && tips && <tips.Tip {...at} />}
      <div class="unseen" aria-live="polite">{at?.at.isByKeys && tips?.said(at)}</div>
    </div>
  );
}

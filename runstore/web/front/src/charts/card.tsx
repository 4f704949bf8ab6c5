/** One metric: its name, what can be done with it, its chart, and what is to be said of that. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { memo } from "../parts/memo";
import { hovered } from "../parts/shownrun";
import { useStore } from "../shell/store";
import { paint } from "../shell/theme";
import { askChart } from "./asking";
import { nameOf, placeInWords, STEP } from "./axes";
import { CardMenu } from "./cardmenu";
import { linesOf, RANGES_FOR, span } from "./lines";
import { useNear } from "./near";
import { Notes } from "./notes";
import { Plot } from "./plot";
import { extent, padded, type Range } from "./ranges";
import { lineName } from "./machine";
import type { ChartData, ChartRun, Curve, Source } from "./types";
import { useChart } from "./usechart";
import { type ChartView, isLog, look, zoomTo } from "./view";
import { value4 } from "./words";

export interface CardProps {
  name: string;
  runs: readonly ChartRun[];
  /** What lines are of, where they are not of runs. */
  source?: Source | undefined;
  view: ChartView;
  /** The y range of all charts of the section, where it is shared. */
  range?: Range | undefined;
  /** Told the extent of this chart's lines. */
  onExtent?: (name: string, range: Range | undefined) => void;
  isPinned: boolean;
  onPin: (name: string) => void;
  /** It fills the window. */
  isLarge?: boolean;
}

const HEIGHT = 190;
/** A chart that fills the window is twice as fine. */
const LARGE_BUCKETS = 800;
const POINT_MS = 150;

export const Card = memo(function Card(props: CardProps) {
  const { name, source, view, range, onExtent, isLarge = false } = props;
  const element = useRef<HTMLElement>(null);
  const isNear = useNear(element);
  const runs = useMemo(() => named(props.runs, source, name), [props.runs, source, name]);
  const refs = useMemo(() => runs.map((run) => run.ref), [runs]);
  const { whole, part, error, isLoading } = useChart({
    refs, source, key: name, x: view.x, zoom: view.zoom, ranges: isLarge, buckets: isLarge && runs.length <= RANGES_FOR ? LARGE_BUCKETS : undefined, isNear,
  });
  const painted = useStore(paint);
  const { data: withPointed, onPoint, pointed } = usePointed(source ? undefined : (part ?? whole), view);
  const data = withPointed ?? part ?? whole;
  const log = isLog(view, name);
  const lines = useMemo(
    () => (data ? linesOf(data, whole, runs, { smooth: view.smooth, isDark: isDark(), ranges: (ref) => isLarge || ref === pointed, areGroups: Boolean(source?.groups) }) : []),
    [data, whole, runs, source, view.smooth, painted, pointed],
  );
  const all = useMemo(() => span(whole), [whole]);
  const zoom = view.zoom && view.zoom.x === whole?.x ? view.zoom : undefined;
  const across: Range = zoom ? [zoom.min, zoom.max] : (all ?? [0, 1]);
  const own = useMemo(() => extent(lines, across[0], across[1], log, view.robust), [lines, across[0], across[1], log, view.robust]);
  const isBare = zoom !== undefined && part !== undefined && !own && !lines.some(({ spots }) => spots.x.some((x) => x >= zoom.min && x <= zoom.max));
  useEffect(() => onExtent?.(name, own), [own?.[0], own?.[1]]);
  const height = isLarge ? Math.max(240, innerHeight - 260) : HEIGHT;
  return (
    <section class={`card ${isLarge ? "large" : ""}`} ref={element} aria-label={name}>
      <header>
        <h3 title={name}>{name}</h3>
        {whole && whole.x !== STEP && !source?.system && <span class="over" title={view.x ? "chosen above" : "as define_metric says"}>by {nameOf(whole.x)}</span>}
        <CardMenu {...props} isLog={log} chart={data && { data, lines, across, log }} />
      </header>
      <div class="space" style={{ minHeight: `${height}px` }}>
        {error && !whole && <p class="error" role="alert">{error}</p>}
        {!whole && isLoading && <p class="wait quiet" aria-live="polite">…</p>}
        {whole && !whole.curves.length && <p class="quiet none">No run has it{whole.lacking.length ? ` at the same steps as ${nameOf(whole.x)}` : ""}.</p>}
        {isBare && (
          <p class="quiet none">
            Nothing was logged from {placeInWords(data?.x ?? "", zoom.min, 1)} to {placeInWords(data?.x ?? "", zoom.max, 1)}.
            <button type="button" class="press" onClick={() => look({ zoom: undefined })}>Show all of {nameOf(data?.x ?? "")}</button>
          </p>
        )}
        {isNear && data && lines.length > 0 && !isBare && (
          <Plot
            lines={lines} x={data.x} width={data.width} isLog={log} xRange={across} yRange={padded(range ?? own, log)} height={height}
            label={inWords(name, data, lines.length, own)} onPoint={onPoint}
            onZoom={(to) => look({ zoom: to && zoomTo(data.x, to) })}
          />
        )}
      </div>
      {data && <Notes data={data} runs={runs} lines={lines} isLog={log} />}
    </section>
  );
});

/** The lines of a chart: those of a machine are told from one another by what is left of their names. */
function named(runs: readonly ChartRun[], source: Source | undefined, key: string): readonly ChartRun[] {
  return source?.system ? source.system(key).map((ref, color) => ({ ref, name: lineName(ref, key), color })) : runs;
}

/** Of many runs only the one under the pointer shows the range of each bucket: it is asked for when it is pointed at. */
function usePointed(data: ChartData | undefined, view: ChartView) {
  const [more, setMore] = useState<{ of: ChartData; curve: Curve }>();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const pointed = useStore(hovered);
  const onPoint = (ref: string) => {
    clearTimeout(timer.current);
    const curve = data?.curves.find((one) => one.ref === ref);
    if (!data || !curve || curve.hasRanges || data.curves.length <= RANGES_FOR) return;
    timer.current = setTimeout(() => {
      const window = view.zoom && view.zoom.x === data.x ? { min: view.zoom.min, max: view.zoom.max } : {};
      askChart([ref], { key: data.key, x: data.x, width: data.width, ranges: true, ...window }).then(
        (found) => found.curves[0] && found.width === data.width && setMore({ of: data, curve: found.curves[0] }),
        () => undefined, // what is drawn stays as it is
      );
    }, POINT_MS);
  };
  const extra = more?.of === data ? more?.curve : undefined;
  const shown = useMemo(() => (data && extra ? { ...data, curves: data.curves.map((one) => (one.ref === extra.ref ? extra : one)) } : data), [data, extra]);
  return { data: shown, onPoint, pointed: extra?.ref === pointed ? pointed : "" };
}

export function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function inWords(name: string, data: ChartData, lines: number, found: Range | undefined): string {
  const values = found ? `, values from ${value4(found[0])} to ${value4(found[1])}` : "";
  return `Chart of ${name} over ${nameOf(data.x)}: ${lines} ${lines === 1 ? "run" : "runs"}${values}. Its menu has its data as a table.`;
}

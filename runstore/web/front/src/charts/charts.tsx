/** All charts of some runs: only what is near the view is fetched and drawn. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { noteShown } from "../parts/colors";
import { post } from "../shell/api";
import { concerns, useChanges } from "../shell/changes";
import { useLoad } from "../shell/load";
import { usePlace } from "../shell/router";
import { ChartList } from "./list";
import { sectionsOf } from "./sections";
import type { ChartRun } from "./types";
import { chartView } from "./view";
import "./charts.css";

export interface ChartsProps {
  /** The runs to draw, in the order of their lines; 100 at most. */
  runs: readonly ChartRun[];
  /** What pinned charts are kept for; by default the project of the first run. */
  project?: string;
  /** How many runs there are, where these are not all. */
  total?: number;
  /** The page has a table of the runs, and where it is wide, beside the charts: the list of lines is left out there. */
  hidesLegend?: boolean;
}

interface Keys {
  keys: string[];
  /** How many of the runs have each. */
  runs: number[];
}

const MOST_LINES = 100;
/** Metrics that appear while runs go on are looked for so often, at most. */
const KEYS_MS = 15_000;

export default function Charts({ runs: every, project, total, hidesLegend = false }: ChartsProps) {
  const runs = useMemo(() => every.slice(0, MOST_LINES), [every]);
  const { query } = usePlace();
  const view = useMemo(() => chartView(query), [query.toString()]);
  const refs = useMemo(() => runs.map((run) => run.ref), [runs]);
  const { keys, error } = useKeysOf(refs);
  useEffect(() => noteShown(refs), [refs]);
  if (!runs.length) return <p class="empty">No run is chosen: switch some on to see their charts.</p>;
  if (error && !keys) return <p class="error" role="alert">{error}</p>;
  const place = project ?? (refs[0] ?? "").replace(/\/[^/]*$/, "");
  return (
    <ChartList
      keys={keys} sections={sectionsOf} runs={runs} view={view} place={place} total={total ?? every.length}
      hidesLegend={hidesLegend} nothing="These runs have logged no numbers yet."
    />
  );
}

/** The metrics of these runs; asked for anew when runs go on. */
export function useKeysOf(refs: readonly string[], system = false) {
  const ask = (signal: AbortSignal) => (refs.length ? post<Keys>("keys", { refs, ...(system ? { system } : {}) }, signal) : Promise.resolve({ keys: [], runs: [] }));
  const found = useLoad(ask, [refs.join("\n"), system]);
  const askedAt = useRef(Date.now());
  useChanges((change) => {
    if (!concerns(change, refs) || Date.now() - askedAt.current < KEYS_MS) return;
    askedAt.current = Date.now();
    found.again();
  });
  const text = found.data?.keys.join("\n");
  const keys = useMemo(() => found.data?.keys, [text]);
  return { keys, error: found.error };
}

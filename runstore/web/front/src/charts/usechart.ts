/** The data of one chart: asked for when it is near the view, kept up with runs that go on, finer where it is zoomed. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../shell/api";
import { concerns, useChanges } from "../shell/changes";
import { askChart } from "./asking";
import { RELATIVE, STEP, WALL } from "./axes";
import { appended, lastCells } from "./decode";
import type { ChartData, Source, Want } from "./types";
import type { Zoom } from "./view";

export interface Shown {
  /** All of the x axis. */
  whole: ChartData | undefined;
  /** The part that is zoomed into, once it is there. */
  part: ChartData | undefined;
  error: string;
  isLoading: boolean;
}

interface Question {
  /** The lines; their refs are those of runs, unless there is a source. */
  refs: readonly string[];
  source: Source | undefined;
  key: string;
  x: string;
  zoom: Zoom | undefined;
  /** Whether the minimum and maximum of every bucket are wanted, however many the runs. */
  ranges: boolean;
  buckets: number | undefined;
  /** Nothing is asked for while this is not so. */
  isNear: boolean;
}

/** On other axes a new point may lie anywhere, and not only behind the last one. */
const RISING = new Set([STEP, WALL, RELATIVE]);
/** How often charts on such axes are asked for anew, at most. */
const ANEW_MS = 15_000;

export function useChart(question: Question): Shown {
  const { refs, source, key, x, zoom, ranges, buckets, isNear } = question;
  const runs = source?.refs ?? refs;
  const [whole, setWhole] = useState<ChartData>();
  const [part, setPart] = useState<ChartData>();
  const [error, setError] = useState("");
  const [isLoading, setLoading] = useState(false);
  const asked = useRef("");
  const busy = useRef(false);
  const anewAt = useRef(0);
  const want: Want = { key, x, ...(ranges ? { ranges } : {}), ...(buckets ? { buckets } : {}), ...sourced(source, key) };
  const lines = want.system ?? refs;
  const name = JSON.stringify([want, runs, lines]);

  const load = useCallback(
    (signal?: AbortSignal) => {
      setLoading(true);
      anewAt.current = Date.now();
      return askChart(runs, want, signal, lines).then(
        (data) => {
          if (signal?.aborted) return;
          asked.current = name;
          setWhole(data);
          setError("");
          setLoading(false);
        },
        (problem: Error) => {
          if (signal?.aborted) return;
          setError(problem instanceof ApiError ? problem.message : String(problem));
          setLoading(false);
        },
      );
    },
    [name],
  );

  useEffect(() => {
    if (!isNear || asked.current === name) return;
    if (whole && !source && covers(whole, want, refs, asked.current)) {
      asked.current = name;
      setWhole({ ...whole, curves: whole.curves.filter((one) => refs.includes(one.ref)) });
      return;
    }
    const abort = new AbortController();
    void load(abort.signal);
    return () => abort.abort();
  }, [name, isNear]);

  const axis = whole?.x;
  const zoomed = zoom && zoom.x === axis ? zoom : undefined;
  useEffect(() => {
    if (!zoomed || !isNear) {
      setPart(undefined);
      return;
    }
    const abort = new AbortController();
    askChart(runs, { ...want, min: zoomed.min, max: zoomed.max }, abort.signal, lines).then(
      (data) => !abort.signal.aborted && setPart(data),
      (problem: Error) => !abort.signal.aborted && setError(problem.message),
    );
    return () => abort.abort();
  }, [name, isNear, axis, zoomed?.min, zoomed?.max]);

  useChanges((change) => {
    if (!isNear || !whole || busy.current || !concerns(change, runs)) return;
    const changed = source ? runs : runs.filter((ref) => change.everything || change.runs.has(ref));
    const fresh = want.system ?? changed;
    const after = lastCells(whole, fresh);
    const isRising = RISING.has(whole.x) && !want.groups;
    busy.current = true;
    const done = () => {
      busy.current = false;
    };
    if (change.everything || after.includes(null) || !isRising) {
      if (isRising || Date.now() - anewAt.current > ANEW_MS) void load().then(done);
      else done();
      return;
    }
    askChart(changed, { ...want, x: whole.x, width: whole.width, after }, undefined, fresh).then((news) => {
      const grown = appended(whole, news);
      if (!grown) return load().then(done);
      setWhole((now) => (now === whole ? grown : now));
      return done();
    }, done);
  });

  return { whole, part: zoomed ? part : undefined, error, isLoading };
}

function sourced(source: Source | undefined, key: string): Partial<Want> {
  if (!source) return {};
  const { system, groups, spread } = source;
  return { ...(system ? { system: system(key) } : {}), ...(groups ? { groups } : {}), ...(spread ? { spread } : {}) };
}

/** Whether what is there holds all that is wanted: runs were only taken away. */
function covers(whole: ChartData, want: Want, refs: readonly string[], asked: string): boolean {
  const [before, had] = JSON.parse(asked || "[{}, []]") as [Want, string[]];
  return JSON.stringify(before) === JSON.stringify(want) && refs.every((ref) => had.includes(ref)) && whole.key === want.key;
}

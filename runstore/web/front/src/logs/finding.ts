/** Find a text in the whole console: the server looks, and says in which lines; in view, the places are marked here. */
import { useEffect, useMemo } from "preact/hooks";
import { get } from "../shell/api";
import { useLoad } from "../shell/load";
import { type Layout, rowOf } from "./layout";
import { plainOf } from "./ansi";

export interface Wanted {
  text: string;
  regex: boolean;
  case: boolean;
}

interface Found {
  logs: number[];
  lines: number[];
  total: number;
}

export interface Finding {
  /** The rows in which it was found, rising; the first 10,000. */
  rows: number[];
  total: number;
  error: string;
  isLoading: boolean;
}

/** `turn` changes when it should be looked for anew, as new lines may have it. */
export function useFinding(ref: string, wanted: Wanted, layout: Layout, turn: number): Finding {
  const { data, error, isLoading } = useLoad(async (signal) => {
    if (!wanted.text) return undefined;
    await pause(150, signal); // while somebody types
    const { text } = wanted;
    return get<Found>("console/find", { ref, text, regex: wanted.regex ? 1 : undefined, case: wanted.case ? 1 : undefined }, signal);
  }, [ref, wanted.text, wanted.regex, wanted.case, turn]);
  const rows = useMemo(() => (wanted.text && data ? data.logs.map((log, place) => rowOf(layout, log, data.lines[place] ?? 0)).filter((row) => row >= 0) : []), [data, layout, wanted.text]);
  return { rows, total: wanted.text ? (data?.total ?? 0) : 0, error: wanted.text ? error : "", isLoading: wanted.text !== "" && isLoading };
}

/** Returns what finds the spans of a text in a line without its colours. An expression only Python knows marks nothing. */
export function spansOf(wanted: Wanted): (line: string) => [number, number][] {
  if (!wanted.text) return () => [];
  let pattern: RegExp;
  try {
    pattern = new RegExp(wanted.regex ? wanted.text : wanted.text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), wanted.case ? "g" : "gi");
  } catch {
    return () => [];
  }
  return (line) => {
    const spans: [number, number][] = [];
    for (const found of plainOf(line).matchAll(pattern)) {
      if (found[0]) spans.push([found.index, found.index + found[0].length]);
      if (spans.length >= 100) break;
    }
    return spans;
  };
}

/** The row among rising `rows` that comes after `row`, or before it; around the end to the other. */
export function nextOf(rows: readonly number[], row: number, forward: boolean): number | undefined {
  if (forward) return rows.find((one) => one > row) ?? rows[0];
  return rows.filter((one) => one < row).at(-1) ?? rows.at(-1);
}

/** Call `then` once the first result of a search is there. */
export function useFirstFound(finding: Finding, wanted: Wanted, then: (rows: readonly number[]) => void): void {
  useEffect(() => {
    if (finding.rows.length && !finding.isLoading) then(finding.rows);
  }, [wanted.text, wanted.regex, wanted.case, finding.isLoading]);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

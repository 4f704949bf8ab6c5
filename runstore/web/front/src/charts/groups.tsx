/** Charts of groups of runs: the mean of each group, and how far its runs are apart. */
import { useMemo } from "preact/hooks";
import { adjust, usePlace } from "../shell/router";
import { useKeysOf } from "./charts";
import { ChartList } from "./list";
import { sectionsOf } from "./sections";
import type { ChartRun, Source } from "./types";
import { chartView } from "./view";
import "../style/sheet.css";
import "./charts.css";

export interface GroupOfRuns {
  name: string;
  refs: readonly string[];
}

const MOST_GROUPS = 100;
const MOST_RUNS = 1000;

export default function GroupCharts({ groups: every, place }: { groups: readonly GroupOfRuns[]; place: string }) {
  const { query } = usePlace();
  const view = useMemo(() => chartView(query), [query.toString()]);
  const isRange = query.get("spread") === "range";
  const groups = useMemo(() => every.slice(0, MOST_GROUPS), [JSON.stringify(every)]);
  const refs = useMemo(() => groups.flatMap((group) => group.refs).slice(0, MOST_RUNS), [groups]);
  const source = useMemo<Source>(() => ({ refs, groups: placesOf(groups, refs), spread: isRange ? "range" : "std" }), [refs, isRange]);
  const lines = useMemo<ChartRun[]>(() => groups.map(({ name, refs: own }, color) => ({ ref: name, name: `${name} (${own.length})`, color })), [groups]);
  const { keys, error } = useKeysOf(refs);
  if (error && !keys) return <p class="error" role="alert">{error}</p>;
  return (
    <>
      <p class="tools around">
        <span class="quiet">Lines are means of groups; around them lies</span>
        <select aria-label="What lies around the means" value={isRange ? "range" : "std"} onChange={(event) => adjust({ spread: event.currentTarget.value === "range" ? "range" : "" })}>
          <option value="std">one standard deviation</option>
          <option value="range">from the least to the greatest</option>
        </select>
      </p>
      <ChartList keys={keys} sections={sectionsOf} runs={lines} source={source} view={view} place={place} nothing="These runs have logged no numbers yet." />
    </>
  );
}

function placesOf(groups: readonly GroupOfRuns[], refs: readonly string[]): number[][] {
  const at = new Map(refs.map((ref, place) => [ref, place]));
  return groups.map((group) => group.refs.flatMap((ref) => at.get(ref) ?? []));
}

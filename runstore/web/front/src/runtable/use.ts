/** All that the pages with a table of runs have in common: the view, its runs, and which of them are drawn. */
import { useEffect, useMemo } from "preact/hooks";
import { many } from "../parts/words";
import type { ShownRun } from "../parts/shownrun";
import { noteShown } from "../parts/colors";
import { announce } from "../shell/says";
import { drawnRefs, switched } from "./drawn";
import { type Runs, useRuns } from "./source";
import { change, idOf, toggled, type View, viewOf } from "./view";

export interface RunList {
  view: View;
  runs: Runs;
  /** Refs of the runs that are drawn; those whose names are known, with them. */
  refs: readonly string[];
  drawn: readonly ShownRun[];
  onSort: (sort: string) => void;
  onSwitch: (ref: string) => void;
  onPin: (ref: string) => void;
}

export function useRunList(project: string, query: URLSearchParams): RunList {
  const view = useMemo(() => viewOf(query), [query.toString()]);
  const runs = useRuns(project, view, [...view.pinned, ...view.on].map((id) => `${project}/${id}`));
  const first = firstRefs(runs, view.top);
  const refs = drawnRefs(view, project, first);
  const rows = new Map([...runs.also, ...[...runs.rows.values()].map((row) => [row.ref, row] as const)]);
  const drawn = refs.flatMap((ref) => {
    const row = rows.get(ref);
    return row ? [{ ref, name: row.name, state: row.state, created: row.created }] : [];
  });
  const kept = useMemo(() => drawn, [JSON.stringify(drawn)]); // charts are drawn anew only when these change
  useEffect(() => noteShown(refs), [refs.join()]);
  useEffect(() => {
    if (view.filter && runs.found !== undefined && !runs.isLoading) announce(`${many(runs.found, "run")} found`);
  }, [runs.found, runs.isLoading, view.filter]);
  return {
    view, runs, refs, drawn: kept,
    onSort: (sort) => change(view, { sort }),
    onSwitch: (ref) => change(view, switched(view, ref, first.includes(ref))),
    onPin: (ref) => change(view, { pinned: toggled(view.pinned, idOf(ref)), off: view.off.filter((id) => id !== idOf(ref)) }),
  };
}

function firstRefs(runs: Runs, count: number): string[] {
  const refs = [];
  for (let place = 0; place < count; place++) refs.push(runs.rows.get(place)?.ref);
  return refs.filter((ref) => ref !== undefined);
}

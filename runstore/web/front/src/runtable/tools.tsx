/** What stands above the table: the filter, how many runs there are and are drawn, columns, views, and comparing. */
import { useState } from "preact/hooks";
import { Menu } from "../parts/menu";
import { useKeys } from "../shell/keys";
import { lazy } from "../shell/lazy";
import { go, link } from "../shell/router";
import { FilterBox } from "./filter";
import type { Runs } from "./source";
import { change, MOST_DRAWN, type View } from "./view";
import { ViewsMenu } from "./views";

const ColumnPicker = lazy(() => import("./picker"));
const TOPS = [0, 5, 10, 20, 50, MOST_DRAWN];
const MOST_COMPARED = 20;

interface ToolsProps {
  project: string;
  view: View;
  runs: Runs;
  /** Refs of the runs that are drawn. */
  drawn: readonly string[];
}

export function Tools({ project, view, runs, drawn }: ToolsProps) {
  const [isPicking, setPicking] = useState(false);
  const compared = drawn.slice(0, MOST_COMPARED);
  const compare = () => compared.length > 1 && go(link("compare", { runs: compared.join(",") }));
  useKeys([
    { keys: "c", says: "Choose the columns", run: () => setPicking(true) },
    { keys: "v", says: "Compare the runs that are drawn", run: compare },
  ]);
  return (
    <>
      <FilterBox project={project} filter={view.filter} wrong={runs.wrong} leavesNone={runs.found === 0 && !runs.isLoading} onFilter={(filter) => change(view, { filter })} />
      <Menu button={<Counts runs={runs} drawn={drawn.length} />} kind="plain count" label="How many runs are drawn" at="end">
        {(close) => (
          <>
            <p class="label">Draw the first runs of the table</p>
            {TOPS.map((top) => (
              <button
                key={top} type="button" class="item" role="menuitemcheckbox" aria-checked={view.top === top}
                onClick={() => (change(view, { top, on: [], off: [] }), close())}
              >
                {top === 0 ? "none, but those switched on" : top}
              </button>
            ))}
          </>
        )}
      </Menu>
      <button type="button" class="plain" onClick={() => setPicking(true)} title="Choose the columns (c)">Columns</button>
      <ViewsMenu project={project} />
      <button type="button" class="plain" disabled={compared.length < 2} onClick={compare} title={`Compare ${compared.length} runs that are drawn (v)`}>Compare</button>
      {isPicking && (
        <ColumnPicker project={project} columns={runs.columns} onColumns={(columns) => change(view, { columns })} onClose={() => setPicking(false)} />
      )}
    </>
  );
}

/** `10 of 812 drawn`; what the filter left of all is in the title. */
function Counts({ runs, drawn }: { runs: Runs; drawn: number }) {
  if (runs.all === undefined) return <>…</>;
  const found = (runs.found ?? 0).toLocaleString("en");
  const all = runs.all.toLocaleString("en");
  return <span title={found === all ? `${all} runs` : `${found} of ${all} runs fulfil the filter`}>{drawn} of {found} drawn ▾</span>;
}

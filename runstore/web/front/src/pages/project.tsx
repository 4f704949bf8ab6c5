/** A project: its runs to the left, their charts or media to the right. */
import { useEffect, useMemo } from "preact/hooks";
import { ProjectBar } from "../parts/projectbar";
import { Divider, useSide } from "../runtable/divider";
import { NoRows } from "../runtable/norows";
import { RunTable } from "../runtable/table";
import { Tools } from "../runtable/tools";
import { useRunList } from "../runtable/use";
import { change, paramsOf } from "../runtable/view";
import { useKeys } from "../shell/keys";
import { lazy } from "../shell/lazy";
import type { PageProps } from "../shell/pages";
import { adjust } from "../shell/router";

const loadCharts = () => import("../charts/charts");
const Charts = lazy(loadCharts);
const Media = lazy(() => import("../media/media"));

export default function Project({ rest: project, query }: PageProps) {
  const list = useRunList(project, query);
  const { view, runs, refs, drawn } = list;
  const [side, setSide] = useSide();
  useEffect(() => void loadCharts().catch(() => {}), []); // on its way while the runs are asked for
  const isFolded = query.get("side") === "no";
  const shows = query.get("show") === "media" ? "media" : "";
  const hasRuns = drawn.length > 0 || (runs.found ?? 0) > 0; // else it is said to the left why there are none
  const set = useMemo(() => new Set(refs), [refs.join()]);
  useKeys([{ keys: "[", says: "Show or hide the table", run: () => adjust({ side: isFolded ? "" : "no" }) }]);
  return (
    <>
      <ProjectBar project={project} page={shows} keeps={paramsOf(view)}>
        <Tools project={project} view={view} runs={runs} drawn={refs} />
      </ProjectBar>
      <div class={`project ${isFolded ? "folded" : ""}`} style={{ "--side": `${side}px` }}>
        <div class="side">
          <RunTable project={project} {...list} drawn={set} />
          <NoRows runs={runs} onFilter={(filter) => change(view, { filter })} />
        </div>
        <Divider width={side} onWidth={setSide} />
        <div class="right">
          {shows === "media" && <Media refs={drawn.map((run) => run.ref)} query={query} />}
          {shows === "" && hasRuns && <Charts project={project} runs={drawn} total={runs.found ?? 0} hidesLegend={!isFolded} />}
        </div>
      </div>
    </>
  );
}

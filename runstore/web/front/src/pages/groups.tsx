/** Many runs of a project: by the value of a column, as parallel coordinates, as a scatter plot. */
import "../style/sheet.css";
import "../sweeps/sweeps.css";
import { useEffect } from "preact/hooks";
import { ProjectBar } from "../parts/projectbar";
import { lazy } from "../shell/lazy";
import { FilterBox } from "../runtable/filter";
import { useKeysOf } from "../runtable/keys";
import { said } from "../parts/words";
import { post } from "../shell/api";
import { useChanges } from "../shell/changes";
import { useLoad } from "../shell/load";
import { link, place } from "../shell/router";
import type { PageProps } from "../shell/pages";
import { GroupChoice } from "../sweeps/choice";
import { GroupTable } from "../sweeps/groups";
import type { Known } from "../sweeps/picker";
import { SweepPlots } from "../sweeps/sweep";
import type { Groups, Refused, Sweep, Wrong } from "../sweeps/types";
import { changeSweep, type Kind, sweepViewOf, type SweepView } from "../sweeps/view";

const GroupCharts = lazy(() => import("../charts/groups"));

const KINDS: readonly [Kind, string][] = [["", "Groups"], ["parallel", "Parallel coordinates"], ["scatter", "Scatter"]];

export default function GroupsPage({ rest: project, query }: PageProps) {
  const view = sweepViewOf(query);
  const keys = useKeysOf(project, true);
  const known: Known = {
    config: (keys?.config.keys ?? []).map((key) => `config.${key}`),
    summary: (keys?.summary.keys ?? []).filter((_, at) => keys?.summary.numbers[at]).map((key) => `summary.${key}`),
  };
  useEffect(() => {
    document.title = "Groups · runstore";
  }, []);
  return (
    <>
      <ProjectBar project={project} page="groups" keeps={{ filter: view.filter }} />
      {view.kind ? <Plots project={project} view={view} known={known} /> : <ByColumn project={project} view={view} known={known} />}
    </>
  );
}

interface PartProps {
  project: string;
  view: SweepView;
  known: Known;
}

function ByColumn({ project, view, known }: PartProps) {
  const asked = { project, filter: view.filter, ...(view.by && { by: [view.by] }), ...(view.metrics && { metrics: view.metrics }) };
  const { data, error, again } = useLoad<Groups | Refused>((signal) => post("groups", asked, signal), [JSON.stringify(asked)]);
  useChanges(again);
  const groups = data && !data.wrong ? data : undefined;
  return (
    <div class="page">
      <Head project={project} view={view} wrong={data?.wrong} error={error} />
      {groups && <GroupChoice groups={groups} known={known} />}
      {groups && <GroupTable groups={groups} project={project} filter={view.filter} />}
      {groups && <GroupCharts groups={groups.groups.map((group) => ({ name: `${groups.by} ${said(group.value) || "none"}`, refs: group.refs }))} place={project} />}
    </div>
  );
}

function Plots({ project, view, known }: PartProps) {
  const asked = { project, filter: view.filter, ...(view.columns && { columns: view.columns }) };
  const { data, error, again } = useLoad<Sweep | Refused>((signal) => post("sweep", asked, signal), [JSON.stringify(asked)]);
  useChanges((change) => (change.listed || change.everything) && again());
  return (
    <div class="page">
      <Head project={project} view={view} wrong={data?.wrong} error={error} />
      {data && !data.wrong && <SweepPlots sweep={data} view={view} known={known} />}
    </div>
  );
}

function Head({ project, view, wrong, error }: { project: string; view: SweepView; wrong: Wrong | undefined; error: string }) {
  return (
    <>
      <div class="tools">
        <nav class="kinds" aria-label="Kinds of plots">
          {KINDS.map(([kind, text]) => <a key={kind} class="press" href={link(place().path, { filter: view.filter, view: kind })} aria-current={view.kind === kind ? "page" : undefined}>{text}</a>)}
        </nav>
        <FilterBox project={project} filter={view.filter} wrong={wrong} onFilter={(filter) => changeSweep({ filter })} />
      </div>
      {error && <p class="error" role="alert">{error}</p>}
    </>
  );
}

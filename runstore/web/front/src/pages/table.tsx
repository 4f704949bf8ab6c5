/** The runs of a project as a table as wide as the page. */
import { useMemo } from "preact/hooks";
import { ProjectBar } from "../parts/projectbar";
import { NoRows } from "../runtable/norows";
import { RunTable } from "../runtable/table";
import { Tools } from "../runtable/tools";
import { useRunList } from "../runtable/use";
import { change, paramsOf } from "../runtable/view";
import type { PageProps } from "../shell/pages";

export default function Table({ rest: project, query }: PageProps) {
  const list = useRunList(project, query);
  const { view, runs, refs } = list;
  const set = useMemo(() => new Set(refs), [refs.join()]);
  return (
    <>
      <ProjectBar project={project} page="table" keeps={paramsOf(view)}>
        <Tools project={project} view={view} runs={runs} drawn={refs} />
      </ProjectBar>
      <div class="full">
        <RunTable project={project} {...list} drawn={set} />
        <NoRows runs={runs} onFilter={(filter) => change(view, { filter })} />
      </div>
    </>
  );
}

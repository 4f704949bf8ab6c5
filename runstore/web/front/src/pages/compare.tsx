/** Runs side by side: in what they differ, by default, and how far from a baseline. */
import { useMemo } from "preact/hooks";
import { ExportButton } from "../parts/exportbutton";
import { many } from "../parts/words";
import { post } from "../shell/api";
import { concerns, useChanges } from "../shell/changes";
import { named } from "../shell/header";
import { lazy } from "../shell/lazy";
import { useLoad } from "../shell/load";
import type { PageProps } from "../shell/pages";
import { adjust, link } from "../shell/router";
import { PatchDifferences } from "../compare/patches";
import { ComparisonTable } from "../compare/table";
import type { Comparison } from "../compare/types";
import { rowsWith } from "../compare/values";
import "../style/sheet.css";
import "../style/run.css";
import "../style/compare.css";

const Charts = lazy(() => import("../charts/charts"));
const Media = lazy(() => import("../media/media"));
const VIEWS = [["", "Values"], ["charts", "Charts"], ["media", "Media"]] as const;

/** `compare?runs=REF,REF&base=REF&all=1&find=TEXT&view=charts`: refs hold no commas. */
export default function ComparePage({ query }: PageProps) {
  const refs = useMemo(() => [...new Set((query.get("runs") ?? "").split(",").filter(Boolean))], [query.get("runs")]);
  const all = query.get("all") === "1";
  const { data, error, again } = useLoad(async (signal) => (refs.length ? post<Comparison>("compare", { refs, all }, signal) : undefined), [refs.join(","), all]);
  useChanges((change) => concerns(change, refs) && again());
  const view = query.get("view") ?? "";
  const shown = useMemo(() => (data?.runs ?? []).map(({ ref, name, state, created_at }) => ({ ref, name, state, created: created_at })), [data]);
  const known = useMemo(() => shown.map((run) => run.ref), [shown]);
  if (!refs.length) return <Nobody />;
  const others = Object.fromEntries(query);
  return (
    <div class="page compare">
      <div class="head">
        <h1>Compare {data ? many(data.runs.length, "run") : ""}</h1>
        {projectsOf(refs).map((project) => <a key={project} href={link(`p/${project}`)}>{project.split("/").map(named).join(" / ")}</a>)}
        <ExportButton refs={refs} />
      </div>
      <nav class="tabs" aria-label="What is compared">
        {VIEWS.map(([name, title]) => <a key={name} href={link("compare", { ...others, view: name })} aria-current={name === view ? "page" : undefined}>{title}</a>)}
      </nav>
      {error && <p class="notice bad" role="alert">{error}</p>}
      {!data && !error && <p class="quiet">…</p>}
      {data && refs.length < 2 && <p class="notice">One run has nothing to differ from: choose more in the table of its project.</p>}
      {data && view === "" && <Values data={data} query={query} refs={refs} />}
      {data && view === "charts" && <Charts runs={shown} />}
      {data && view === "media" && <Media refs={known} query={query} />}
    </div>
  );
}

function Values({ data, query, refs }: { data: Comparison; query: URLSearchParams; refs: readonly string[] }) {
  const all = query.get("all") === "1";
  const search = query.get("find") ?? "";
  const rows = useMemo(() => rowsWith(data.rows, search), [data, search]);
  const base = Math.max(0, data.runs.findIndex((run) => run.ref === query.get("base")));
  const drop = (ref: string) => adjust({ runs: refs.filter((one) => one !== ref).join(","), ...(query.get("base") === ref ? { base: "" } : {}) });
  return (
    <>
      <div class="tools">
        <label><input type="checkbox" checked={!all} onChange={() => adjust({ all: all ? "" : "1" })} /> Only differences</label>
        <input type="search" placeholder="Search keys and values" aria-label="Search keys and values" value={search} onInput={(event) => adjust({ find: event.currentTarget.value })} />
        <span class="quiet" role="status">{many(rows.length, "value")}</span>
      </div>
      <ComparisonTable comparison={data} rows={rows} base={base} onBase={(ref) => adjust({ base: ref })} onDrop={drop} />
      {!rows.length && <p class="nothing">{search ? `No value has “${search}” in it.` : "They differ in nothing that was recorded."}</p>}
      <PatchDifferences comparison={data} base={base} />
    </>
  );
}

/** Refs of the projects that runs are in. */
function projectsOf(refs: readonly string[]): string[] {
  return [...new Set(refs.map((ref) => ref.split("/").slice(0, -1).join("/")))];
}

function Nobody() {
  return (
    <div class="page">
      <p class="nothing">No runs to compare. Select some in the table of a project, and press Compare. <a href={link("")}>To the projects</a></p>
    </div>
  );
}

/** One run: what it is, and a tab for each kind of thing that it recorded. */
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { ExportButton } from "../parts/exportbutton";
import { openRun } from "../parts/shownrun";
import { ago, duration, many } from "../parts/words";
import { useKeys } from "../shell/keys";
import { lazy } from "../shell/lazy";
import type { PageProps } from "../shell/pages";
import { adjust, link } from "../shell/router";
import { Name, Tags } from "../run/editing";
import { useRun } from "../run/loading";
import type { Run, TabProps } from "../run/types";
import "../style/sheet.css";
import "../style/run.css";

const TABS: [name: string, title: string, Tab: ComponentType<TabProps>][] = [
  ["overview", "Overview", lazy(() => import("../run/overview"))],
  ["charts", "Charts", lazy(() => import("../run/charts"))],
  ["system", "System", lazy(() => import("../run/system"))],
  ["media", "Media", lazy(() => import("../run/media"))],
  ["logs", "Logs", lazy(() => import("../logs/tab"))],
  ["files", "Files", lazy(() => import("../files/tab"))],
  ["artifacts", "Artifacts", lazy(() => import("../run/artifacts"))],
];

export default function RunPage({ rest: ref, query }: PageProps) {
  const { data: run, error, again } = useRun(ref);
  const wanted = query.get("tab") || "overview";
  const found = TABS.find(([name]) => name === wanted);
  useKeys(TABS.map(([name, title], place) => ({ keys: String(place + 1), says: `To ${title.toLowerCase()}`, run: () => adjust({ tab: place ? name : "" }), where: "A run" })));
  useEffect(() => {
    if (run) document.title = `${run.name} · runstore`;
    if (run) openRun.set({ ref, name: run.name });
    return () => {
      document.title = "runstore";
    };
  }, [run?.name]);
  if (!run) return <div class="page">{error ? <p class="nothing" role="alert">{error}</p> : <p class="quiet">…</p>}</div>;
  const Tab = found?.[2];
  const others = Object.fromEntries(query);
  return (
    <div class="page run">
      <Head run={run} onSaved={again} />
      <nav class="tabs" aria-label="Parts of the run">
        {TABS.map(([name, title], place) => (
          <a key={name} href={link(`r/${ref}`, { ...others, tab: place ? name : "" })} aria-current={name === wanted ? "page" : undefined}>{title}</a>
        ))}
      </nav>
      {Tab ? <Tab key={wanted} run={run} onSaved={again} query={query} /> : <p class="nothing">A run has no such part.</p>}
    </div>
  );
}

function Head({ run, onSaved }: { run: Run; onSaved: () => void }) {
  const { still } = run;
  return (
    <>
      <div class="head">
        <Name run={run} onSaved={onSaved} />
        <State run={run} />
        <Tags run={run} onSaved={onSaved} />
        <ExportButton refs={[run.ref]} />
      </div>
      <p class="under">
        <a href={link(`p/${still.project_ref}`)}>{still.entity ? `${still.entity} / ${still.project}` : still.project}</a>
        <span>begun {ago(run.created_at)}</span>
        <span>{run.state === "running" ? "for" : "took"} {duration((run.state === "running" ? Date.now() / 1000 : run.heartbeat_at) - run.created_at)}</span>
        <span>{run.last_step < 0 ? "no steps" : many(run.last_step + 1, "step")}</span>
        {still.host && <span>on {still.host}</span>}
      </p>
    </>
  );
}

const KINDS: Record<string, string> = { running: "accent", finished: "good", failed: "bad", crashed: "bad", preempting: "warn", preempted: "warn" };

function State({ run }: { run: Run }) {
  const code = run.exit_code ? `, exit code ${run.exit_code}` : "";
  return <span class={`pill state ${KINDS[run.state] ?? ""}`}>{run.state}{code}</span>;
}

/** The page of an exported file: runs, in what they differ, their charts, media and consoles, and what is not here. */
import Charts from "../charts/charts";
import { leaves } from "../parts/leaves";
import { duration, moment, said } from "../parts/words";
import Media from "../media/media";
import { usePlace } from "../shell/router";
import { Consoles } from "./console";
import { exported, type ExportedRun } from "./data";

const { runs, differences, media, consoles } = exported;
const FEW = 8;
const MANY = 30;
const refs = runs.map((run) => run.ref);

export function Page() {
  const [first] = runs;
  const { query } = usePlace();
  return (
    <main id="main" class="exported">
      <header class="head">
        <h1>{exported.title}</h1>
        <span class="quiet">a copy by runstore {exported.version}, {moment(exported.made_at)}</span>
      </header>
      <section id="runs">{runs.length === 1 && first ? <OneRun run={first} /> : <Folded title="Runs" count={runs.length} isOpen={runs.length <= FEW}><Runs /></Folded>}</section>
      {differences.length > 0 && <Folded title="Differences" count={differences.length} isOpen={runs.length <= FEW}><Differences /></Folded>}
      {exported.keys.keys.length > 0 && <section><h2 class="section">Charts</h2><Charts runs={runs} project={exported.title} hidesLegend={runs.length < 2} /></section>}
      {media && media.keys.keys.length > 0 && <section aria-label="Media"><h2 class="section">Media</h2><Media refs={refs} query={query} /></section>}
      {Object.keys(consoles).length > 0 && <section aria-label="Console"><h2 class="section">Console</h2><Consoles query={query} /></section>}
      <footer>
        <h2 class="section">What is not in this file</h2>
        <ul class="quiet">{exported.left_out.map((sentence) => <li key={sentence}>{sentence}</li>)}</ul>
      </footer>
    </main>
  );
}

function Folded({ title, count, isOpen = false, children }: { title: string; count: number; isOpen?: boolean; children: preact.ComponentChildren }) {
  return <details class="folded" open={isOpen}><summary class="section">{title} <span class="quiet">{count.toLocaleString("en")}</span></summary>{children}</details>;
}

const STATES: Record<string, string> = { finished: "good", failed: "bad", crashed: "bad", running: "accent" };

function OneRun({ run }: { run: ExportedRun }) {
  const facts: [string, string | null][] = [
    ["Project", run.project], ["Begun", moment(run.created_at)], ["Ran for", run.runtime === null ? null : duration(run.runtime)],
    ["Last step", run.last_step < 0 ? null : run.last_step.toLocaleString("en")], ["Group", run.group], ["Job type", run.job_type],
    ["Program", run.program], ["Host", run.host], ["Commit", run.git_commit], ["Repository", run.git_remote], ["Tags", run.tags.join(", ")],
  ];
  return (
    <>
      <p><span class={`pill ${STATES[run.state] ?? ""}`}>{run.state}</span></p>
      {run.notes && <p class="prose">{run.notes}</p>}
      <dl class="facts">{facts.filter(([, value]) => value).map(([name, value]) => <><dt key={name}>{name}</dt><dd>{value}</dd></>)}</dl>
      <Tree title="Config" tree={run.config} />
      <Tree title="Summary" tree={run.summary} />
    </>
  );
}

function Tree({ title, tree }: { title: string; tree: Record<string, unknown> }) {
  const values = leaves(tree);
  if (!values.length) return null;
  return (
    <Folded title={title} count={values.length} isOpen={values.length <= MANY}>
      <div class="wide narrow">
        <table class="sheet"><tbody>{values.map(([name, value]) => <tr key={name}><th scope="row" class="key">{name}</th><td class="code">{said(value)}</td></tr>)}</tbody></table>
      </div>
    </Folded>
  );
}

function Runs() {
  return (
    <div class="wide">
      <table class="sheet">
        <thead><tr><th scope="col">Run</th><th scope="col">State</th><th scope="col">Begun</th><th scope="col" class="number">Ran for</th><th scope="col" class="number">Last step</th><th scope="col">Tags</th><th scope="col">Notes</th></tr></thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.ref}>
              <td class="main">{run.name}</td>
              <td class="short"><span class={`pill ${STATES[run.state] ?? ""}`}>{run.state}</span></td>
              <td class="short">{moment(run.created_at)}</td>
              <td class="number">{run.runtime === null ? "" : duration(run.runtime)}</td>
              <td class="number">{run.last_step < 0 ? "" : run.last_step.toLocaleString("en")}</td>
              <td>{run.tags.map((tag) => <span key={tag} class="pill">{tag}</span>)}</td>
              <td>{run.notes}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Differences() {
  return (
    <div class="wide">
      <table class="sheet">
        <thead><tr><th scope="col">What</th>{runs.map((run) => <th key={run.ref} scope="col">{run.name}</th>)}</tr></thead>
        <tbody>
          {differences.map((one) => (
            <tr key={`${one.section} ${one.key}`}><th scope="row" class="key"><span class="quiet">{one.section}</span> {one.key}</th>{one.values.map((value, at) => <td key={runs[at]?.ref} class="code">{said(value)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

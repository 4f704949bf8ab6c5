/** The artifacts of one run: what it used, what it logged, and the graph around it. */
import "../style/sheet.css";
import "./artifacts.css";
import { get } from "../shell/api";
import { concerns, useChanges } from "../shell/changes";
import { useLoad } from "../shell/load";
import { usePlace } from "../shell/router";
import { ago, moment, size } from "../parts/words";
import { AutomaticSwitch, showsAutomatic } from "./automatic";
import { LineageTab } from "./lineage";
import { artifactLink } from "./links";
import { Aliases } from "./pills";
import type { Version } from "./types";

interface OfRun {
  shown: string;
  type: string;
  at: number;
  automatic: boolean;
  /** Null where its own log is not here. */
  version: Version | null;
}

interface Answer {
  used: OfRun[];
  logged: OfRun[];
}

/** `run` is the run's ref. */
export function RunArtifacts({ run }: { run: string }) {
  const { data, error, again } = useLoad<Answer>((signal) => get("run/artifacts", { ref: run }, signal), [run]);
  useChanges((change) => concerns(change, [run]) && again());
  const { query } = usePlace();
  if (error && !data) return <p class="error" role="alert">{error}</p>;
  if (!data) return <p class="quiet">…</p>;
  if (!data.used.length && !data.logged.length) {
    return <p class="nothing">This run neither used nor logged an artifact. Programs do so with <code>run.use_artifact</code> and <code>run.log_artifact</code>.</p>;
  }
  return (
    <>
      <Part title="Logged" all={data.logged} none="It logged none." query={query} />
      <Part title="Used" all={data.used} none="It used none." query={query} />
      <h2 class="section">Lineage</h2>
      <LineageTab start={{ run }} query={query} />
    </>
  );
}

export default RunArtifacts;

function Part({ title, all, none, query }: { title: string; all: readonly OfRun[]; none: string; query: URLSearchParams }) {
  const automatic = title === "Logged" ? all.filter((one) => one.automatic) : []; // what was used was used on purpose
  const shown = automatic.length && !showsAutomatic(query) ? all.filter((one) => !one.automatic) : all;
  return (
    <>
      <h2 class="section">{title} <span class="quiet">{shown.length.toLocaleString("en")}</span></h2>
      {shown.length ? <Table all={shown} /> : !automatic.length && <p class="quiet">{none}</p>}
      {automatic.length > 0 && (
        <p class="tools">
          {!shown.length && <span class="quiet">None but</span>}
          <AutomaticSwitch automatic={automatic.length} of_tables={automatic.every(isOfTable)} query={query} />
        </p>
      )}
    </>
  );
}

function isOfTable({ type }: OfRun): boolean {
  return type === "run_table" || type === "wandb-run-incremental-table";
}

function Table({ all }: { all: readonly OfRun[] }) {
  return (
    <div class="wide">
      <table class="sheet">
        <thead>
          <tr>
            <th scope="col">Version</th><th scope="col">Type</th><th scope="col">Aliases</th><th scope="col" class="number">Files</th>
            <th scope="col" class="number">Size</th><th scope="col">When</th>
          </tr>
        </thead>
        <tbody>
          {all.map(({ shown, type, at, version }, place) => (
            <tr key={place}>
              <td class="main">{version ? <a href={artifactLink(version.ref, version.type)}>{shown}</a> : <>{shown} <span class="pill warn">its log is not here</span></>}</td>
              <td class="short"><span class="pill">{type}</span></td>
              <td>{version && <Aliases aliases={version.aliases} />}</td>
              <td class="number">{version?.files?.toLocaleString("en") ?? ""}</td>
              <td class="number">{version && version.size !== null ? size(version.size) : ""}</td>
              <td class="short" title={moment(at)}>{ago(at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The page of a machine on which runs are made: totals, targets, and the runs of which something waits. */
import { adjust } from "../shell/router";
import { many, size } from "../parts/words";
import { Mirrors } from "./mirrors";
import { Runs } from "./runs";
import { overall } from "./states";
import { Targets } from "./targets";
import type { Amounts, SourceFacts } from "./types";

const HOW = "runstore remote add lab https://hub.example --token TOKEN\nrunstore daemon start";

export function Source({ facts, query }: { facts: SourceFacts; query: URLSearchParams }) {
  const { text, mood } = overall(facts);
  return (
    <div class="page">
      <div class="head">
        <h1>Sync</h1>
        {facts.totals.runs > 0 && (
          <span class={`pill ${mood}`} role="status">{text}</span>
        )}
      </div>
      <p class="under">What is on this machine's disk, what the index has read of it, and what each target has proven to hold.</p>
      <Tiles facts={facts} />
      <Daemon daemon={facts.daemon} />
      {Object.values(facts.errors).slice(0, 5).map((error) => <p key={error} class="notice bad">{error}</p>)}
      <h2 class="section">Targets</h2>
      {facts.targets.length ? <Targets targets={facts.targets} /> : <div class="nothing"><p>Runs are delivered nowhere yet. Say where to:</p><pre class="code">{HOW}</pre></div>}
      {facts.mirrors.length > 0 && <Mirrors mirrors={facts.mirrors} />}
      <h2 class="section">Runs</h2>
      <div class="tools">
        <input type="search" aria-label="Find a run by its path" placeholder="Find runs" value={query.get("text") ?? ""} onInput={(event) => adjust({ text: event.currentTarget.value })} />
        <label><input type="checkbox" checked={query.get("all") === "1"} onChange={(event) => adjust({ all: event.currentTarget.checked ? "1" : "" })} /> also those that are settled</label>
        <span class="quiet" role="status">{many(facts.matching, "run")} of {facts.totals.runs.toLocaleString("en")}</span>
      </div>
      <Runs facts={facts} text={query.get("text") ?? ""} every={query.get("all") === "1"} />
    </div>
  );
}

function Tiles({ facts }: { facts: SourceFacts }) {
  const { totals } = facts;
  const behind = totals.durable_bytes - totals.indexed_bytes;
  return (
    <div class="tiles">
      <div class="tile">
        <h2>Durable</h2>
        <p class="figure">{size(totals.durable_bytes)}</p>
        <p class="quiet">{records(totals, "durable")} in {many(totals.logs, "log")} of {many(totals.runs, "run")}</p>
      </div>
      <div class="tile">
        <h2>Indexed</h2>
        <p class="figure">{behind > 0 ? size(totals.indexed_bytes) : "all"}</p>
        <p class="quiet">{behind > 0 ? `${size(behind)} to be read` : "every record that is on the disk"}</p>
      </div>
      {facts.targets.map((target) => (
        <div key={target.name} class="tile">
          <h2>At {target.name}</h2>
          <p class="figure">{target.logs && target.logs_delivered === target.logs ? "all" : `${target.logs_delivered.toLocaleString("en")} of ${many(target.logs, "log")}`}</p>
          <p class="quiet">{target.logs ? `${size(target.delivered_bytes)} proven` : "no run goes there"}</p>
        </div>
      ))}
    </div>
  );
}

function records(amounts: Amounts, kind: "durable" | "indexed"): string {
  const count = amounts[`${kind}_records`];
  return count === null ? "more records than could be counted" : many(count, "record");
}

function Daemon({ daemon }: { daemon: SourceFacts["daemon"] }) {
  if (daemon.pid === null) {
    return <p class="notice">{daemon.note}</p>;
  }
  return (
    <p class="under">
      <span><span class="pill good">daemon runs</span> pid {daemon.pid}</span>
      <span>watching {daemon.watching.join(", ") || "nothing"}</span>
      {daemon.note && <span class="error">{daemon.note}</span>}
    </p>
  );
}

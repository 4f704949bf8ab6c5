/** Runs, and how far each is at each target. */
import { link } from "../shell/router";
import { many, size } from "../parts/words";
import { noRuns, share, stateOf } from "./states";
import type { AtTarget, RunStanding, SourceFacts } from "./types";

export function Runs({ facts, text, every }: { facts: SourceFacts; text: string; every: boolean }) {
  if (!facts.runs.length) return <p class="nothing">{noRuns(facts, text, every)}</p>;
  const targets = [...new Set(facts.runs.flatMap((run) => run.targets.map((target) => target.name)))];
  return (
    <>
      <div class="wide">
        <table class="sheet">
          <thead>
            <tr>
              <th scope="col">Run</th><th scope="col" class="number">Durable</th><th scope="col" class="number">Indexed</th>
              {targets.map((name) => <th key={name} scope="col">{name}</th>)}
            </tr>
          </thead>
          <tbody>
            {facts.runs.map((run) => (
              <tr key={run.run}>
                <td class="main">{run.ref ? <a href={link(`r/${run.ref}`)}>{run.run}</a> : run.run}{run.error && <div class="error">{run.error}</div>}</td>
                <td class="number">{run.durable_records === null ? "" : `${many(run.durable_records, "record")}, `}{size(run.durable_bytes)}</td>
                <td class="number">{run.indexed_bytes === run.durable_bytes ? "all" : size(run.indexed_bytes)}</td>
                {targets.map((name) => <td key={name}><At at={run.targets.find((target) => target.name === name)} run={run} /></td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {facts.matching > facts.runs.length && <p class="quiet">The first {facts.runs.length} of {facts.matching.toLocaleString("en")}; find others by their names.</p>}
    </>
  );
}

function At({ at, run }: { at: AtTarget | undefined; run: RunStanding }) {
  if (!at) return <span class="quiet" title="It does not go there">–</span>;
  const { text, mood, means } = stateOf(at.state);
  const part = share(at, run.durable_bytes);
  return (
    <span title={[at.error || means, at.bundle ? `Bundle ${at.bundle.slice(0, 12)}.` : ""].join(" ").trim()}>
      <span class={`pill ${mood}`}>{text}</span>
      {part > 0 && part < 1 && mood !== "bad" && <span class="quiet"> {Math.floor(part * 100)} %</span>}
      {at.files_left > 0 && <span class="quiet"> {many(at.files_left, "file")} left</span>}
      {at.lost_bytes > 0 && <span class="quiet"> {size(at.lost_bytes)} only there</span>}
    </span>
  );
}

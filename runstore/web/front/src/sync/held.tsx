/** The page of a hub, which delivers nothing itself: what it holds. */
import { ago, many, size } from "../parts/words";
import type { HubFacts } from "./types";

export function Held({ held }: { held: HubFacts }) {
  return (
    <div class="page">
      <div class="head"><h1>What this hub holds</h1></div>
      <p class="under">Other machines deliver here; each has a page like this one that says how far its own runs are.</p>
      <div class="tiles">
        <div class="tile"><h2>Runs</h2><p class="figure">{held.runs.toLocaleString("en")}</p><p class="quiet">in {many(held.projects, "project")}</p></div>
        <div class="tile"><h2>Logs</h2><p class="figure">{size(held.bytes)}</p><p class="quiet">{many(held.records, "record")} in {many(held.logs, "log")}</p></div>
        {held.latest > 0 && <div class="tile"><h2>Latest record</h2><p class="figure">{ago(held.latest)}</p><p class="quiet">of any run</p></div>}
      </div>
      {held.lost_bytes > 0 && <p class="notice">{size(held.lost_bytes)} of logs came damaged; what is intact around them is here.</p>}
    </div>
  );
}

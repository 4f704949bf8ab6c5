/** What runs printed, one of them at a time. */
import LogsTab from "../logs/tab";
import { many } from "../parts/words";
import type { Run } from "../run/types";
import { adjust } from "../shell/router";
import { exported } from "./data";

export function Consoles({ query }: { query: URLSearchParams }) {
  const talking = exported.runs.filter((run) => exported.consoles[run.ref]);
  const run = talking.find((one) => one.ref === query.get("console")) ?? talking[0];
  const missing = run ? (exported.consoles[run.ref]?.missing ?? 0) : 0;
  if (!run) return null;
  return (
    <>
      {talking.length > 1 && (
        <label class="tools">
          Of
          <select aria-label="Console of" value={run.ref} onChange={(event) => adjust({ console: event.currentTarget.value, line: undefined, find: undefined })}>
            {talking.map((one) => <option key={one.ref} value={one.ref}>{one.name}</option>)}
          </select>
        </label>
      )}
      {missing > 0 && <p class="quiet">{many(missing, "line")} before these {missing === 1 ? "is" : "are"} not in this file.</p>}
      <LogsTab key={run.ref} run={{ ...run, state: "finished" } as unknown as Run} query={query} onSaved={() => {}} />
    </>
  );
}

/** By which column runs are grouped, and which metrics are told of each group. */
import { plain } from "./axes";
import type { Known } from "./picker";
import type { Groups } from "./types";
import { changeSweep } from "./view";

const FIELDS = ["group", "job_type", "state", "tags", "sweep", "host", "program", "git_commit", "writer"];

export function GroupChoice({ groups, known }: { groups: Groups; known: Known }) {
  const columns = new Set([groups.by, ...known.config, ...FIELDS]);
  const others = known.summary.filter((name) => !groups.metrics.includes(name));
  return (
    <div class="tools">
      <label>
        Group by
        <select aria-label="Group by" value={groups.by} onChange={(event) => changeSweep({ by: event.currentTarget.value })}>
          {[...columns].map((name) => <option key={name} value={name}>{plain(name)}</option>)}
        </select>
      </label>
      <span class="metrics" role="group" aria-label="Metrics">
        {groups.metrics.map((name) => (
          <button key={name} type="button" class="press" aria-label={`Show ${plain(name)} no more`} onClick={() => changeSweep({ metrics: groups.metrics.filter((one) => one !== name) })}>{plain(name)} <span aria-hidden="true">×</span></button>
        ))}
        {others.length > 0 && (
          <select aria-label="Add a metric" value="" onChange={(event) => changeSweep({ metrics: [...groups.metrics, event.currentTarget.value] })}>
            <option value="">Add a metric</option>
            {others.map((name) => <option key={name} value={name}>{plain(name)}</option>)}
          </select>
        )}
      </span>
      <span class="quiet" role="status">{groups.runs.toLocaleString("en")} runs in {groups.total.toLocaleString("en")} groups</span>
    </div>
  );
}

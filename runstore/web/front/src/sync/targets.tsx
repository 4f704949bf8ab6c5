/** Where runs go, and how far each of these places is. */
import { many, size } from "../parts/words";
import type { Target } from "./types";

export function Targets({ targets }: { targets: readonly Target[] }) {
  return (
    <>
      <div class="wide">
        <table class="sheet">
          <thead>
            <tr>
              <th scope="col">Target</th><th scope="col">State</th><th scope="col">Logs delivered</th>
              <th scope="col" class="number">Records</th><th scope="col" class="number">Size</th><th scope="col">Files</th>
            </tr>
          </thead>
          <tbody>
            {targets.map((target) => (
              <tr key={target.name}>
                <td class="main">{target.name}</td>
                <td class="short">{target.state ? <span class={`pill ${target.last_error ? "bad" : ""}`}>{target.state}</span> : <span class="quiet">no daemon says</span>}</td>
                <td class="short"><Share done={target.logs_delivered} all={target.logs} what="log" /></td>
                <td class="number">{target.delivered_records.toLocaleString("en")}</td>
                <td class="number">{size(target.delivered_bytes)}</td>
                <td class="short">{many(target.files_delivered, "file")}{target.files_left > 0 && `, ${target.files_left.toLocaleString("en")} left`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {targets.filter((target) => target.last_error || target.lost_bytes).map((target) => (
        <p key={target.name} class={target.last_error ? "notice bad" : "notice"}>
          {target.last_error && <><b>{target.name}</b>: {target.last_error}{target.retry_in ? ` (tried again in ${Math.round(target.retry_in)} s)` : ""} </>}
          {target.lost_bytes > 0 && <><b>{target.name}</b> holds {size(target.lost_bytes)} of logs that are not here any more; they are safe there.</>}
        </p>
      ))}
    </>
  );
}

/** A bar that says how much of all is done. */
export function Share({ done, all, what }: { done: number; all: number; what: string }) {
  return (
    <span class="share">
      <progress max={all || 1} value={done} aria-label={`${done} of ${many(all, what)}`} />
      <span>{done.toLocaleString("en")} of {all.toLocaleString("en")}</span>
    </span>
  );
}

/** What a run is: notes, summary, config, where it ran, and what it was changed from the commit. */
import { useState } from "preact/hooks";
import { duration, many, moment } from "../parts/words";
import { useLoad } from "../shell/load";
import { link } from "../shell/router";
import { fetchText, openFile } from "../files/opening";
import { Diff } from "./diff";
import { isMedia, isTree } from "./branches";
import { Notes } from "./editing";
import { Facts, Logs } from "./facts";
import { TreePart } from "./tree";
import type { Run, TabProps, Tree, Value } from "./types";

const MOST_PATCH_BYTES = 300_000;

export default function Overview({ run, onSaved }: TabProps) {
  const special = (path: string, value: Value) => mediaLink(run.ref, value) ?? timeOf(path, value);
  return (
    <div class="overview">
      <div>
        <Notes run={run} onSaved={onSaved} />
        <TreePart title="Summary" tree={shownFirst(run.summary)} nothing="Nothing was logged yet." special={special} />
        <TreePart title="Config" tree={run.still.config} nothing="The run was begun without a config." />
      </div>
      <div>
        <Facts run={run} />
        {run.still.has_patch && <Changes refOf={run.ref} />}
        {run.still.alerts.length > 0 && <Alerts run={run} />}
        <Logs logs={run.logs} />
      </div>
    </div>
  );
}

/** What tools add, such as _step, behind what the program logged. */
function shownFirst(summary: Tree): Tree {
  const entries = Object.entries(summary);
  return Object.fromEntries([...entries.filter(([key]) => !key.startsWith("_")), ...entries.filter(([key]) => key.startsWith("_"))]);
}

function mediaLink(ref: string, value: Value) {
  if (!isTree(value) || !isMedia(value)) return undefined;
  return <a href={link(`r/${ref}`, { tab: "media" })}>{String(value._type)}</a>;
}

/** What tools keep of time, as people read it. */
function timeOf(path: string, value: Value) {
  if (typeof value !== "number") return undefined;
  if (path === "_timestamp") return moment(value);
  return path === "_runtime" ? duration(value) : undefined;
}

/** The changes that were not committed when the run began. */
function Changes({ refOf }: { refOf: string }) {
  const [wanted, setWanted] = useState(false);
  const found = useLoad((signal) => openFile(refOf, "diff.patch", signal).catch(() => null), [refOf]);
  const text = useLoad(async (signal) => (wanted && found.data ? fetchText(found.data, 0, MOST_PATCH_BYTES, signal) : undefined), [wanted, found.data]);
  if (!found.data) return null;
  return (
    <section class="part" aria-label="Uncommitted changes">
      <header>
        <h2>Uncommitted changes</h2>
        <button type="button" class="more" aria-expanded={wanted} onClick={() => setWanted(!wanted)}>{wanted ? "hide" : "show"}</button>
      </header>
      {wanted && text.error && <p class="error">{text.error}</p>}
      {wanted && text.data && <Diff text={text.data.text} />}
      {wanted && text.data && !text.data.isWhole && <p class="quiet">The patch is longer; <a href={link(`r/${refOf}`, { tab: "files", file: "diff.patch" })}>all of it</a>.</p>}
    </section>
  );
}

function Alerts({ run }: { run: Run }) {
  const alerts = [...run.still.alerts].reverse();
  return (
    <section class="part" aria-label="Alerts">
      <header>
        <h2>Alerts</h2>
        <span class="quiet">{many(alerts.length, "alert")}</span>
      </header>
      <ul class="alerts">
        {alerts.map((alert, place) => (
          <li key={place} class={`notice ${alert.level === "ERROR" ? "bad" : ""}`}>
            <strong>{alert.title}</strong> <span class="quiet">{moment(alert.time)}</span>
            {alert.text && <p>{alert.text}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The media of some runs, side by side: a panel for each key, in collapsible sections by its prefix. */
import { useMemo } from "preact/hooks";
import { many } from "../parts/words";
import { post } from "../shell/api";
import { concerns, useChanges } from "../shell/changes";
import { useLoad } from "../shell/load";
import { adjust } from "../shell/router";
import { isWide, Panel } from "./panel";
import { bySection } from "./sections";
import { stepIn } from "./steps";
import type { Keys, MediaKey } from "./types";
import "./media.css";
import "../style/sheet.css";

/** Of more runs nobody compares pictures; the server takes no more than 100. */
const MOST_RUNS = 16;

const NOTHING: Keys = { runs: [], keys: [] };

export interface MediaProps {
  /** The runs, by ref. */
  refs: readonly string[];
  query: URLSearchParams;
}

export default function Media({ refs, query }: MediaProps) {
  const shown = useMemo(() => refs.slice(0, MOST_RUNS), [refs.join("\n")]);
  const { data, error, again } = useLoad((signal) => (shown.length ? post<Keys>("media", { refs: shown }, signal) : Promise.resolve(NOTHING)), [shown]);
  useChanges((change) => concerns(change, shown) && again());
  const wanted = query.get("mfind") ?? "";
  const sections = useMemo(() => bySection(data?.keys ?? [], wanted), [data, wanted]);
  const step = stepIn(query, "mstep");
  if (!data) return error ? <p class="nothing" role="alert">{error}</p> : <p class="quiet">…</p>;
  if (!shown.length) return <p class="empty">No runs are chosen.</p>;
  if (!data.keys.length) return <Nothing runs={shown.length} />;
  return (
    <div class="media">
      <div class="media-bar">
        <label>
          <span class="unseen">Find keys</span>
          <input class="field" type="search" placeholder="Find keys" value={wanted} onInput={(event) => adjust({ mfind: event.currentTarget.value })} />
        </label>
        {step !== undefined && <button type="button" class="button" onClick={() => adjust({ mstep: undefined })}>All at their last step</button>}
        {refs.length > shown.length && <span class="quiet">{shown.length} of {many(refs.length, "run")}</span>}
      </div>
      {sections.length ? null : <p class="nothing">No key with media has “{wanted}” in it. <button type="button" class="plain" onClick={() => adjust({ mfind: undefined })}>Show all</button></p>}
      {sections.map(({ name, keys }) => (
        <details key={name} class="media-section" open>
          <summary><h2>{name || "media"}</h2> <span class="quiet">{keys.length}</span></summary>
          <div class="media-panels">
            {narrowFirst(keys).map((one) => (
              <Panel key={one.key} media={one} runs={one.runs.flatMap((place) => data.runs[place] ?? [])} alone={shown.length === 1} step={step} />
            ))}
          </div>
        </details>
      ))}
    </div>
  );
}

/** Those that take all of the width come last, so that they leave no holes between the others. */
function narrowFirst(keys: readonly MediaKey[]): MediaKey[] {
  const wide = (one: MediaKey) => Number(isWide(one.kind, one.runs.length < 2));
  return [...keys].sort((one, other) => wide(one) - wide(other));
}

function Nothing({ runs }: { runs: number }) {
  return (
    <div class="empty">
      <p>{runs === 1 ? "This run has" : "These runs have"} logged no media.</p>
      <pre>run.log({"{"}"examples": runstore.Image(array, caption="a cat"){"}"})</pre>
    </div>
  );
}

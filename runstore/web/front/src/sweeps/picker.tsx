/** Which columns are drawn: config and summary, found by name. */
import { useState } from "preact/hooks";
import { plain } from "./axes";
import { changeSweep } from "./view";

/** Names of the columns that there are, with their trees. */
export interface Known {
  config: readonly string[];
  summary: readonly string[];
}

const MOST = 60;

export function ColumnPicker({ known, columns }: { known: Known; columns: readonly string[] }) {
  const [text, setText] = useState("");
  const toggle = (name: string) =>
    changeSweep({ columns: columns.includes(name) ? columns.filter((one) => one !== name) : withColumn(columns, name) });
  return (
    <details class="columnpicker">
      <summary class="press">Columns <span class="quiet">{columns.length}</span></summary>
      <div class="pickerbox">
        <input type="search" aria-label="Find a column" placeholder="Find a column" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        {(["config", "summary"] as const).map((tree) => {
          const found = known[tree].filter((name) => plain(name).toLowerCase().includes(text.toLowerCase()));
          return (
            <fieldset key={tree}>
              <legend>{tree === "config" ? "Config" : "Metrics, as they were last"}</legend>
              {found.slice(0, MOST).map((name) => (
                <label key={name}><input type="checkbox" checked={columns.includes(name)} onChange={() => toggle(name)} /> {plain(name)}</label>
              ))}
              {found.length > MOST && <p class="quiet">and {found.length - MOST} more: type some of the name</p>}
              {!found.length && <p class="quiet">none</p>}
            </fieldset>
          );
        })}
      </div>
    </details>
  );
}

/** Config before metrics: what was chosen leads to what came of it. */
export function withColumn(columns: readonly string[], name: string): string[] {
  if (!name.startsWith("config.")) return [...columns, name];
  const firstMetric = columns.findIndex((one) => !one.startsWith("config."));
  const at = firstMetric < 0 ? columns.length : firstMetric;
  return [...columns.slice(0, at), name, ...columns.slice(at)];
}

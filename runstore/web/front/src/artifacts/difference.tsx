/** What is another in this version than in another one: metadata and files. */
import { get } from "../shell/api";
import { useLoad } from "../shell/load";
import { adjust } from "../shell/router";
import { many, said, size } from "../parts/words";
import { withAlias } from "./links";
import type { Changed, Difference, Facts, Version } from "./types";

const SIGNS = { added: "+", removed: "−", changed: "~" } as const;

export function DifferenceTab({ one, versions, query }: { one: Facts; versions: readonly Version[]; query: URLSearchParams }) {
  const others = versions.filter((each) => each.number !== one.number);
  const before = others.find((each) => each.number < one.number) ?? others[0];
  const base = query.get("with") || (before ? `v${before.number}` : "");
  if (!base) return <p class="nothing">There is no other version to compare this one with.</p>;
  return (
    <>
      <div class="tools">
        <label>
          What changed since
          <select aria-label="What changed since" value={base} onChange={(event) => adjust({ with: event.currentTarget.value })}>
            {others.map((each) => (
              <option key={each.number} value={`v${each.number}`}>v{each.number}{each.aliases.length > 0 && ` (${each.aliases.join(", ")})`}</option>
            ))}
          </select>
        </label>
      </div>
      <Compared one={one} base={base} />
    </>
  );
}

function Compared({ one, base }: { one: Facts; base: string }) {
  const { data, error } = useLoad<Difference>(
    (signal) => get("artifact/difference", { ref: one.ref, with: withAlias(one.ref, base) }, signal),
    [one.ref, base],
  );
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!data) return <p class="quiet">…</p>;
  const more = (data.changed_files ?? 0) - data.files.length;
  return (
    <>
      <h2 class="section">Metadata</h2>
      {data.metadata.length ? <Changes changes={data.metadata} base={base} now={`v${one.number}`} show={said} /> : <p class="quiet">The same in both.</p>}
      <h2 class="section">Files</h2>
      {data.missing && <p class="notice">{data.missing}</p>}
      {data.files.length > 0 && <Changes changes={data.files} base={base} now={`v${one.number}`} show={(value) => (typeof value === "number" ? size(value) : "")} />}
      {data.same_files !== undefined && (
        <p class="quiet">{more > 0 && `${many(more, "more changed file")}; `}{many(data.same_files, "file")} {data.same_files === 1 ? "is" : "are"} the same in both.</p>
      )}
    </>
  );
}

function Changes({ changes, base, now, show }: { changes: readonly Changed[]; base: string; now: string; show: (value: unknown) => string }) {
  return (
    <div class="wide">
      <table class="sheet changes">
        <thead><tr><th scope="col" class="sign"><span class="unseen">Change</span></th><th scope="col">Name</th><th scope="col">{base}</th><th scope="col">{now}</th></tr></thead>
        <tbody>
          {changes.map((one) => (
            <tr key={one.name} class={one.how}>
              <td class="sign" title={one.how}><span aria-hidden="true">{SIGNS[one.how]}</span><span class="unseen">{one.how}</span></td>
              <td class="main">{one.name}</td>
              <td class="code">{one.how === "added" ? "" : show(one.before)}</td>
              <td class="code">{one.how === "removed" ? "" : show(one.after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

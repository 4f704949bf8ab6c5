/** All versions of a collection, the newest first. */
import { useState } from "preact/hooks";
import { get } from "../shell/api";
import { link, place } from "../shell/router";
import { toast } from "../shell/says";
import { ago, moment, size } from "../parts/words";
import { ByRun } from "./by";
import { artifactLink } from "./links";
import { Aliases } from "./pills";
import type { Version } from "./types";
import type { Versions } from "./version";

export function VersionsTab({ artifact, first, chosen }: { artifact: string; first: Versions; chosen: number }) {
  const [more, setMore] = useState<Version[]>([]);
  const shown = [...first.versions, ...more];
  const load = () =>
    get<Versions>("artifact/versions", { ref: artifact, offset: shown.length }).then(
      (answer) => setMore((old) => [...old, ...answer.versions]),
      (problem: Error) => toast(problem.message, "error"),
    );
  return (
    <>
      <div class="wide">
        <table class="sheet">
          <thead>
            <tr>
              <th scope="col">Version</th><th scope="col">Aliases</th><th scope="col" class="number">Files</th><th scope="col" class="number">Size</th>
              <th scope="col">Made</th><th scope="col">By</th><th scope="col"><span class="unseen">Compare</span></th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <tr key={one.number} class={one.number === chosen ? "chosen" : ""} aria-current={one.number === chosen ? "true" : undefined}>
                <td class="short"><a href={artifactLink(one.ref, one.type)}>v{one.number}</a></td>
                <td><Aliases aliases={one.aliases} /></td>
                <td class="number">{one.files?.toLocaleString("en") ?? ""}</td>
                <td class="number">{one.size === null ? "" : size(one.size)}</td>
                <td class="short" title={moment(one.created_at)}>{ago(one.created_at)}</td>
                <td class="by"><ByRun run={one.run} name={one.run_name} /></td>
                <td class="short">{one.number !== chosen && <a href={link(place().path, { tab: "compare", with: `v${one.number}` })}>compare</a>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < first.total && <p class="tools"><button type="button" class="press" onClick={load}>More of {first.total.toLocaleString("en")}</button></p>}
    </>
  );
}

/** Folders in which bundles come from elsewhere, and what of these did not arrive where it goes. */
import { ago, many, size } from "../parts/words";
import type { Mirror } from "./types";

const MOST_SENTENCES = 5;

export function Mirrors({ mirrors }: { mirrors: readonly Mirror[] }) {
  return (
    <>
      <h2 class="section">Bundles that come here</h2>
      <div class="wide">
        <table class="sheet">
          <thead>
            <tr>
              <th scope="col">From</th><th scope="col">Into</th><th scope="col">State</th><th scope="col" class="number">Bundles</th>
              <th scope="col" class="number">Of logs</th><th scope="col" class="number">Files</th><th scope="col">Last</th>
            </tr>
          </thead>
          <tbody>
            {mirrors.map((mirror) => (
              <tr key={mirror.folder}>
                <td class="main">{mirror.folder}</td>
                <td>{mirror.into}</td>
                <td class="short">{mirror.state ? <span class={`pill ${mirror.last_error ? "bad" : ""}`}>{mirror.state}</span> : <span class="quiet">no daemon says</span>}</td>
                <td class="number">{mirror.bundles.toLocaleString("en")}</td>
                <td class="number">{size(mirror.new_bytes)}</td>
                <td class="number">{mirror.new_files.toLocaleString("en")}</td>
                <td class="short">{mirror.last_at ? ago(Date.parse(mirror.last_at) / 1000) : "never"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {mirrors.flatMap(sentences).slice(0, MOST_SENTENCES).map((sentence) => <p key={sentence} class="notice bad">{sentence}</p>)}
    </>
  );
}

/** What is wrong with one, in sentences. */
export function sentences(mirror: Mirror): string[] {
  const refused = Object.entries(mirror.refused).map(([what, why]) => (why.includes(what) ? why : `${what}: ${why}`));
  const waiting = Object.entries(mirror.waiting).map(([run, why]) => `${run} waits for ${why}`);
  const again = mirror.retry_in ? ` (tried again in ${many(Math.round(mirror.retry_in), "second")})` : "";
  return [...(mirror.last_error ? [`${mirror.last_error}${again}`] : []), ...refused, ...waiting];
}

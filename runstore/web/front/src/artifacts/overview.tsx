/** What is said of a version: by whom it was made and used, and its metadata. */
import { leaves } from "../parts/leaves";
import { moment, said } from "../parts/words";
import { ByRun } from "./by";
import { artifactLink } from "./links";
import type { Facts } from "./types";

export function Overview({ one }: { one: Facts }) {
  const name = decodeURIComponent(one.ref);
  return (
    <>
      {one.description && <p class="prose">{one.description}</p>}
      <dl class="facts">
        <dt>Made</dt>
        <dd>{moment(one.created_at)} by <ByRun run={one.run} name={one.run_name} /></dd>
        <dt>Used by</dt>
        <dd>{one.used_by.length ? <Runs runs={one.used_by} /> : <span class="quiet">no run that is known here</span>}</dd>
        {one.linked && <><dt>Logged as</dt><dd><a href={artifactLink(one.logged_as, one.type)}>{decodeURIComponent(one.logged_as)}</a></dd></>}
        {one.linked_to.length > 0 && (
          <>
            <dt>Linked to</dt>
            <dd>{one.linked_to.map((each) => <div key={each.ref}><a href={artifactLink(each.ref, one.type)}>{each.name}</a></div>)}</dd>
          </>
        )}
        {one.tags.length > 0 && <><dt>Tags</dt><dd>{one.tags.map((tag) => <span key={tag} class="pill">{tag}</span>)}</dd></>}
        {one.ttl_seconds !== null && <><dt>Kept for</dt><dd>{one.ttl_seconds.toLocaleString("en")} s</dd></>}
        <dt>Digest</dt>
        <dd class="code">{one.digest}</dd>
      </dl>
      <h2 class="section">Metadata</h2>
      <Metadata metadata={one.metadata} />
      <h2 class="section">Use it</h2>
      <pre class="snippet code" tabIndex={0}>{`artifact = run.use_artifact(${JSON.stringify(name)})\nfolder = artifact.download()`}</pre>
      <pre class="snippet code" tabIndex={0}>{`runstore artifact get ${name}`}</pre>
    </>
  );
}

function Runs({ runs }: { runs: Facts["used_by"] }) {
  return (
    <>
      {runs.map((run, place) => (
        <span key={run.ref}>{place > 0 && ", "}<ByRun run={run.ref} name={run.name} /></span>
      ))}
    </>
  );
}

function Metadata({ metadata }: { metadata: Record<string, unknown> }) {
  const rows = leaves(metadata);
  if (!rows.length) return <p class="quiet">None was given.</p>;
  return (
    <div class="wide narrow">
      <table class="sheet">
        <tbody>
          {rows.map(([name, value]) => (
            <tr key={name}><th scope="row" class="key">{name}</th><td class="code">{said(value)}</td></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

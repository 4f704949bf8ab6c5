/** The files of a version, folder by folder, or those with a text in their paths. */
import { useState } from "preact/hooks";
import { get } from "../shell/api";
import { useLoad } from "../shell/load";
import { adjust, link, place } from "../shell/router";
import { many, size } from "../parts/words";
import type { ArtifactFile, Files } from "./types";

const STATES: Record<string, [string, string]> = {
  lost: ["not here", "pill warn"],
  reference: ["reference", "pill"],
  damaged: ["damaged", "pill bad"],
};

export function FilesTab({ artifact, query }: { artifact: string; query: URLSearchParams }) {
  const folder = query.get("folder") ?? "";
  const text = query.get("find") ?? "";
  const [offset, setOffset] = useState(0);
  const { data, error } = useLoad<Files>(
    (signal) => get("artifact/files", { ref: artifact, folder, text, offset }, signal),
    [artifact, folder, text, offset],
  );
  if (error && !data) return <p class="error" role="alert">{error}</p>;
  if (!data) return <p class="quiet">…</p>;
  if (data.missing) return <p class="notice" role="alert">{data.missing}</p>;
  const find = (wanted: string) => (setOffset(0), adjust({ find: wanted }));
  return (
    <>
      <div class="tools">
        <input type="search" aria-label="Find files by their paths" placeholder="Find files" value={text} onInput={(event) => find(event.currentTarget.value)} />
        {!text && <Crumbs folder={folder} />}
        <span class="quiet" role="status">{text ? many(data.matching, "file") : `${many(data.total, "file")}, ${size(data.size)}`}</span>
      </div>
      <div class="wide">
        <table class="sheet">
          <thead><tr><th scope="col">Name</th><th scope="col" class="number">Size</th><th scope="col">Digest</th><th scope="col"><span class="unseen">State</span></th></tr></thead>
          <tbody>
            {data.folders.map((one) => (
              <tr key={`${one.name}/`}>
                <td class="main"><a class="folder" href={link(place().path, { tab: "files", folder: folder ? `${folder}/${one.name}` : one.name })}>{one.name}/</a></td>
                <td class="number">{size(one.size)}</td>
                <td class="quiet" colSpan={2}>{many(one.files, "file")}</td>
              </tr>
            ))}
            {data.files.map((one) => <File key={one.path} one={one} name={text ? one.path : one.path.slice(folder ? folder.length + 1 : 0)} />)}
          </tbody>
        </table>
      </div>
      <Pages offset={offset} shown={data.files.length} total={data.matching} go={setOffset} />
    </>
  );
}

function File({ one, name }: { one: ArtifactFile; name: string }) {
  const [state, kind] = STATES[one.state] ?? ["", ""];
  return (
    <tr>
      <td class="main">{one.address ? <a href={new URL(one.address, document.baseURI).href} download={name.split("/").at(-1)}>{name}</a> : name}{one.ref && <div class="quiet code">{one.ref}</div>}</td>
      <td class="number">{one.ref && !one.size ? "" : size(one.size)}</td>
      <td class="code quiet">{one.digest}</td>
      <td class="short">{state && <span class={kind}>{state}</span>}</td>
    </tr>
  );
}

/** The folders above the one that is shown, as links. */
function Crumbs({ folder }: { folder: string }) {
  const parts = folder ? folder.split("/") : [];
  return (
    <nav aria-label="Folders above">
      <a href={link(place().path, { tab: "files" })} aria-current={folder ? undefined : "page"}>top</a>
      {parts.map((part, at) => {
        const path = parts.slice(0, at + 1).join("/");
        return <span key={path}> / <a href={link(place().path, { tab: "files", folder: path })} aria-current={path === folder ? "page" : undefined}>{part}</a></span>;
      })}
    </nav>
  );
}

function Pages({ offset, shown, total, go }: { offset: number; shown: number; total: number; go: (offset: number) => void }) {
  if (shown === total) return null;
  const step = Math.max(shown, 500);
  return (
    <p class="tools">
      <button type="button" class="press" disabled={!offset} onClick={() => go(Math.max(0, offset - 500))}>Before</button>
      <span class="quiet">{(offset + 1).toLocaleString("en")} to {(offset + shown).toLocaleString("en")} of {total.toLocaleString("en")}</span>
      <button type="button" class="press" disabled={offset + shown >= total} onClick={() => go(offset + step)}>After</button>
    </p>
  );
}

/** The files of a run: a tree of them, and beside it the one that was chosen. */
import { useMemo, useState } from "preact/hooks";
import { many, size } from "../parts/words";
import { adjust } from "../shell/router";
import type { TabProps } from "../run/types";
import { foldersOf, type Listing } from "./folders";
import { useListing } from "./listing";
import { FilePreview } from "./preview";
import { FolderRows } from "./rows";
import "../style/files.css";

export default function FilesTab({ run, query }: TabProps) {
  const { data, error } = useListing(run.ref);
  const [search, setSearch] = useState("");
  const root = useMemo(() => data && foldersOf(data, search), [data, search]);
  const chosen = query.get("file") ?? "";
  if (error && !data) return <p class="nothing" role="alert">{error}</p>;
  if (!data || !root) return <p class="quiet">…</p>;
  if (!data.total && !data.missing.length) return <p class="nothing">This run has no files.</p>;
  return (
    <div class={`files ${chosen ? "with-one" : ""}`}>
      <div class="list">
        <div class="tools">
          <input type="search" placeholder="Search the names" aria-label="Search the names of files" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
          <span class="quiet">{search ? `${root.count.toLocaleString("en")} of ` : ""}{many(data.total, "file")}{!search && `, ${size(root.size)}`}</span>
        </div>
        {data.total > data.names.length && <p class="notice">The first {data.names.length.toLocaleString("en")} of {many(data.total, "file")} are shown; the others lie in the run’s folder as well.</p>}
        <Missing missing={data.missing} />
        <table class="sheet" aria-label="Files">
          <thead>
            <tr><th scope="col">Name</th><th scope="col" class="number">Size</th><th scope="col" class="age">Changed</th></tr>
          </thead>
          <tbody>
            <FolderRows folder={root} depth={0} isOpen chosen={chosen} isSearched={search !== ""} onChoose={(path) => adjust({ file: path }, { replace: false })} />
          </tbody>
        </table>
      </div>
      {chosen && <FilePreview key={chosen} refOf={run.ref} path={chosen} onClose={() => adjust({ file: "" }, { replace: false })} />}
    </div>
  );
}

function Missing({ missing }: { missing: Listing["missing"] }) {
  if (!missing.length) return null;
  return (
    <details class="notice">
      <summary>{many(missing.length, "file")} that the log names {missing.length === 1 ? "is" : "are"} not here</summary>
      <ul>{missing.slice(0, 200).map((one) => <li key={`${one.artifact} ${one.path}`}>{one.why}</li>)}</ul>
    </details>
  );
}

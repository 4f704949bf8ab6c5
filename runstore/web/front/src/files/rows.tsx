/** One folder as rows of a table: the folders in it, which open, and its files. */
import { useState } from "preact/hooks";
import { ago, many, moment, size } from "../parts/words";
import type { FileEntry, Folder } from "./folders";

// Of a folder with more files the others are shown on demand.
const AT_ONCE = 300;

interface FolderProps {
  folder: Folder;
  depth: number;
  isOpen: boolean;
  chosen: string;
  isSearched: boolean;
  onChoose: (ref: string) => void;
}

export function FolderRows({ folder, depth, isOpen, ...how }: FolderProps) {
  const [most, setMost] = useState(AT_ONCE);
  if (!isOpen) return null;
  return (
    <>
      {folder.folders.map((below) => <FolderRow key={below.path} folder={below} depth={depth} isOpen={false} {...how} />)}
      {folder.files.slice(0, most).map((file) => <FileRow key={file.ref} file={file} depth={depth} isChosen={file.ref === how.chosen} onChoose={how.onChoose} />)}
      {folder.files.length > most && (
        <tr>
          <td colSpan={3} style={indent(depth)}>
            <button type="button" class="more" onClick={() => setMost(most + 10 * AT_ONCE)}>{many(folder.files.length - most, "more file")}</button>
          </td>
        </tr>
      )}
    </>
  );
}

function FolderRow({ folder, depth, ...how }: FolderProps) {
  const [open, setOpen] = useState(how.chosen.startsWith(`${folder.path}/`));
  const isOpen = open || how.isSearched;
  return (
    <>
      <tr>
        <td style={indent(depth)}>
          <button type="button" class="name" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {folder.name}/
          </button>{" "}
          <span class="quiet">{folder.count.toLocaleString("en")}</span>
        </td>
        <td class="number quiet">{size(folder.size)}</td>
        <td class="age" />
      </tr>
      <FolderRows folder={folder} depth={depth + 1} {...how} isOpen={isOpen} />
    </>
  );
}

function FileRow({ file, depth, isChosen, onChoose }: { file: FileEntry; depth: number; isChosen: boolean; onChoose: (ref: string) => void }) {
  return (
    <tr class={isChosen ? "chosen" : ""}>
      <td style={indent(depth)}>
        <button type="button" class="name file" aria-pressed={isChosen} onClick={() => onChoose(file.ref)}>{file.name}</button>
      </td>
      <td class="number">{size(file.size)}</td>
      <td class="age short quiet" title={moment(file.time)}>{ago(file.time)}</td>
    </tr>
  );
}

function indent(depth: number) {
  return { paddingLeft: `${12 + depth * 18}px` };
}

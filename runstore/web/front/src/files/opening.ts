/** The bytes of a run's file: as text, from any place in it. */
import { get } from "../shell/api";

export interface Opened {
  /** As people read it. */
  name: string;
  size: number;
  type: string;
  /** Addresses, relative to the root of the UI. */
  file: string;
  image: string;
  frame: string;
  download: string;
}

export interface Piece {
  text: string;
  /** Whether this is the file from beginning to end. */
  isWhole: boolean;
  /** Whether these bytes are text. */
  isText: boolean;
}

/** Where a file is read. Refused where there is none of this name. */
export function openFile(ref: string, name: string, signal?: AbortSignal): Promise<Opened> {
  return get<Opened>("files/open", { ref, name }, signal);
}

/** At most `count` bytes of a file from the byte `from` on, as text. */
export async function fetchText(opened: Opened, from: number, count: number, signal?: AbortSignal): Promise<Piece> {
  if (!opened.size) return { text: "", isWhole: true, isText: true };
  const last = Math.min(opened.size, from + count) - 1;
  const headers = { Range: `bytes=${from}-${last}` };
  const response = await fetch(new URL(opened.file, document.baseURI), signal ? { headers, signal } : { headers });
  if (!response.ok) throw new Error(response.status === 404 ? "the file is gone, or can't be read" : `the file can't be read: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer()).subarray(0, count);
  return { text: new TextDecoder().decode(bytes), isWhole: !from && bytes.length >= opened.size, isText: !bytes.subarray(0, 8192).includes(0) };
}

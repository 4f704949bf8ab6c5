/** Bytes of files that are in the exported file itself: stands in the place of media/bytes.ts. */
import { exported } from "./data";

export const GONE = "is not in this file.";

export function address(src: string): string {
  const file = fileOf(src);
  return file ? `data:${file.type};base64,${file.data}` : "data:,";
}

export function bytesAt(src: string): Promise<ArrayBuffer> {
  const file = fileOf(src);
  return file ? Promise.resolve(bytesOf(file.data).buffer) : Promise.reject(new Error("The file is not in this one."));
}

export async function textAt(src: string): Promise<string> {
  return new TextDecoder().decode(await bytesAt(src));
}

/** The text of a file; "" where it is not here. */
export function textOf(src: string): string {
  const file = fileOf(src);
  return file ? new TextDecoder().decode(bytesOf(file.data)) : "";
}

/** Files are named by their places, as `file-3`. */
function fileOf(src: string) {
  return exported.media?.files[Number(src.slice("file-".length))];
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

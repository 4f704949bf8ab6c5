/** Names with slashes in them, as folders within folders. */

/** What the server answers, by columns; the names are those of routes/files.py. */
export interface Listing {
  total: number;
  names: string[];
  /** What files are asked for by whose names are no texts, by their places. */
  refs: Record<number, string>;
  sizes: number[];
  times: (number | null)[];
  missing: { path: string; artifact: string; why: string }[];
}

export interface FileEntry {
  /** Below its folder. */
  name: string;
  path: string;
  /** What it is asked for by. */
  ref: string;
  size: number;
  time: number;
}

export interface Folder {
  name: string;
  path: string;
  folders: Folder[];
  files: FileEntry[];
  /** Of all that is below it. */
  count: number;
  size: number;
}

/** `search`: only files that have it in their path, whatever the case. */
export function foldersOf(listing: Listing, search = ""): Folder {
  const root: Folder = { name: "", path: "", folders: [], files: [], count: 0, size: 0 };
  const known = new Map([["", root]]);
  const wanted = search.toLowerCase();
  listing.names.forEach((path, place) => {
    if (!path.toLowerCase().includes(wanted)) return;
    const size = listing.sizes[place] ?? 0;
    const parts = path.split("/");
    const name = parts.pop() ?? "";
    let at = root;
    const above = [root];
    let so = "";
    for (const part of parts) {
      so = so ? `${so}/${part}` : part;
      let next = known.get(so);
      if (!next) {
        next = { name: part, path: so, folders: [], files: [], count: 0, size: 0 };
        known.set(so, next);
        at.folders.push(next);
      }
      above.push((at = next));
    }
    at.files.push({ name, path, ref: listing.refs[place] ?? path, size, time: listing.times[place] ?? 0 });
    for (const folder of above) {
      folder.count += 1;
      folder.size += size;
    }
  });
  return root;
}

export type Preview = "image" | "audio" | "video" | "json" | "patch" | "page" | "text" | "none";

const BY_ENDING: Record<string, Preview> = {
  png: "image", jpg: "image", jpeg: "image", gif: "image", webp: "image", avif: "image", bmp: "image", svg: "image", ico: "image",
  wav: "audio", mp3: "audio", ogg: "audio", flac: "audio", m4a: "audio",
  mp4: "video", webm: "video", mov: "video",
  json: "json", patch: "patch", diff: "patch", html: "page", htm: "page",
  pt: "none", pth: "none", bin: "none", safetensors: "none", ckpt: "none", h5: "none", npz: "none", npy: "none", zip: "none", gz: "none", pkl: "none", parquet: "none", onnx: "none",
};

/** How a file may be shown; text is a guess, which its first bytes confirm. */
export function previewOf(path: string): Preview {
  const ending = /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  return (Object.hasOwn(BY_ENDING, ending) ? BY_ENDING[ending] : undefined) ?? "text";
}

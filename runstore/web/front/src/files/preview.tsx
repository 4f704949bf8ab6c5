/** One file of a run, shown as what it is; whatever it is, it can be downloaded. */
import { useEffect, useRef, useState } from "preact/hooks";
import { size } from "../parts/words";
import { useLoad } from "../shell/load";
import { branchOf } from "../run/branches";
import { Diff } from "../run/diff";
import { TreePart } from "../run/tree";
import type { Value } from "../run/types";
import { previewOf } from "./folders";
import { fetchText, type Opened, openFile } from "./opening";

const TEXT_BYTES = 200_000;
// A larger file of JSON is shown as text: taking it apart would hold up the page.
const MOST_JSON_BYTES = 1_000_000;

interface PreviewProps {
  refOf: string;
  /** What the file is asked for by. */
  path: string;
  onClose: () => void;
}

export function FilePreview({ refOf, path, onClose }: PreviewProps) {
  const { data, error } = useLoad((signal) => openFile(refOf, path, signal), [refOf, path]);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.scrollIntoView?.({ block: "nearest" }), []);
  return (
    <aside class="preview" ref={panel} aria-label={data?.name ?? path}>
      <header>
        <h2 class="code">{data?.name ?? path}</h2>
        {data && <span class="quiet">{size(data.size)}</span>}
        {data && <a class="press" href={data.download} download>Download</a>}
        <button type="button" class="plain" aria-label="Close the file" onClick={onClose}>×</button>
      </header>
      {error && <p class="error" role="alert">{error}</p>}
      {data && <Shown opened={data} path={data.name} />}
    </aside>
  );
}

function Shown({ opened, path }: { opened: Opened; path: string }) {
  const kind = previewOf(path);
  if (kind === "image") return <Image opened={opened} path={path} />;
  if (kind === "audio") return <audio controls preload="metadata" src={opened.file} />;
  if (kind === "video") return <video controls preload="metadata" src={opened.file} />;
  if (kind === "page") return <Page opened={opened} path={path} />;
  if (kind === "none") return <p class="quiet">There is no preview of a file of this kind.</p>;
  return <TextOf opened={opened} kind={kind} />;
}

function Image({ opened, path }: { opened: Opened; path: string }) {
  const [isBroken, setBroken] = useState(false);
  if (isBroken) return <p class="quiet">This browser can’t show the picture.</p>;
  return <a href={opened.image} target="_blank" rel="noreferrer"><img class="picture" src={opened.image} alt={path} onError={() => setBroken(true)} /></a>;
}

/** A page that a run saved: as text, and in a sandbox for whoever asks. */
function Page({ opened, path }: { opened: Opened; path: string }) {
  const [isShown, setShown] = useState(false);
  return (
    <>
      <p><button type="button" class="press" aria-pressed={isShown} onClick={() => setShown(!isShown)}>Show as a page</button> <span class="quiet">in a sandbox: it reads nothing of yours and loads nothing</span></p>
      {isShown ? <iframe class="sandbox" title={path} sandbox="allow-scripts" src={opened.frame} /> : <TextOf opened={opened} kind="text" />}
    </>
  );
}

function TextOf({ opened, kind }: { opened: Opened; kind: "json" | "patch" | "text" }) {
  const [bytes, setBytes] = useState(kind === "json" && opened.size <= MOST_JSON_BYTES ? MOST_JSON_BYTES : TEXT_BYTES);
  const { data, error } = useLoad((signal) => fetchText(opened, 0, bytes, signal), [opened, bytes]);
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!data) return <p class="quiet">…</p>;
  if (!data.isText) return <p class="quiet">The file is no text; there is no preview of it.</p>;
  if (!data.text) return <p class="quiet">The file is empty.</p>;
  const value = kind === "json" && data.isWhole ? parsed(data.text) : undefined;
  return (
    <>
      {value !== undefined && typeof value === "object" && value !== null ? (
        <TreePart title="JSON" tree={Array.isArray(value) ? Object.fromEntries(value.map((one, place) => [String(place), one])) : value} nothing="Nothing is in it." />
      ) : kind === "patch" ? (
        <Diff text={data.text} />
      ) : (
        <pre class="code" tabIndex={0}>{data.text}</pre>
      )}
      {!data.isWhole && (
        <p class="quiet">
          The first {size(bytes)} of {size(opened.size)}. <button type="button" class="more" onClick={() => setBytes(bytes * 5)}>Show more</button>
        </p>
      )}
    </>
  );
}

function parsed(text: string): Value | undefined {
  try {
    const value = JSON.parse(text) as Value;
    branchOf({ value });
    return value;
  } catch {
    return undefined; // no JSON, or nested deeper than can be shown: it is shown as text
  }
}

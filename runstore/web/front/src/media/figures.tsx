/** Figures of Plotly's: drawn by the library of the server's machine, in a frame without an origin. */
import { useEffect, useRef, useState } from "preact/hooks";
import { address, textAt } from "./bytes";
import { Download, Gone, Rest } from "./item";
import type { Files, Item } from "./types";

const MOST_BYTES = 32 << 20;

export default function Figures({ view }: { view: Files }) {
  return (
    <div class="media-items">
      {view.items.map((item, place) => (
        <figure key={place} class="media-figure">
          {item.src ? <Figure key={item.src} item={item} src={item.src} /> : <Gone item={item} />}
          <Download item={item} />
        </figure>
      ))}
      <Rest shown={view.items.length} count={view.count} />
    </div>
  );
}

/** Wait for the frame to say that it is ready, then send it the figure; it answers with what is wrong. */
function Figure({ item, src }: { item: Item; src: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    const abort = new AbortController();
    const listen = (event: MessageEvent) => {
      if (event.source !== frame.current?.contentWindow) return;
      const said = event.data as { ready?: boolean; trouble?: unknown };
      if (typeof said?.trouble === "string") setTrouble(said.trouble);
      if (!said?.ready) return;
      textAt(src, MOST_BYTES, abort.signal).then(
        (text) => frame.current?.contentWindow?.postMessage({ figure: text }, "*"), // it has no origin that could be named
        (error: Error) => abort.signal.aborted || setTrouble(error.message),
      );
    };
    addEventListener("message", listen);
    return () => {
      abort.abort();
      removeEventListener("message", listen);
    };
  }, [src]);
  if (trouble) return <p class="error">{trouble}</p>;
  return <iframe ref={frame} title={item.name} src={address("frames/plotly.html")} sandbox="allow-scripts" loading="lazy" />;
}

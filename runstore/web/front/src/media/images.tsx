/** Pictures, one or a list of them, with what lies over them. */
import { useState } from "preact/hooks";
import { Dialog } from "../parts/dialog";
import { many } from "../parts/words";
import { address } from "./bytes";
import { Caption, Gone, Rest } from "./item";
import { Overlay } from "./overlay";
import type { Picture, Pictures } from "./types";

/** A long list begins with so many; a button shows all. */
const FIRST = 24;

export function Images({ view }: { view: Pictures }) {
  const [all, setAll] = useState(false);
  const [large, setLarge] = useState<Picture>();
  const shown = all ? view.items : view.items.slice(0, FIRST);
  return (
    <>
      <div class={`media-pictures${view.items.length === 1 ? " single" : ""}`}>
        {shown.map((item, place) => (
          <figure key={place} class="media-picture">
            <button type="button" class="media-open" aria-label={`Enlarge ${item.caption ?? item.name}`} onClick={() => setLarge(item)}>
              <Layered picture={item} />
            </button>
            <Caption item={item} />
          </figure>
        ))}
      </div>
      {shown.length < view.items.length && <button type="button" class="button" onClick={() => setAll(true)}>Show all {many(view.items.length, "picture")}</button>}
      <Rest shown={view.items.length} count={view.count} />
      {large && (
        <Dialog title={large.caption ?? large.name} kind="wide" onClose={() => setLarge(undefined)}>
          <div class="media-large"><Layered picture={large} /></div>
        </Dialog>
      )}
    </>
  );
}

function Layered({ picture }: { picture: Picture }) {
  const [isGone, setGone] = useState(false);
  if (!picture.src || isGone) return <Gone item={picture} />;
  const { width, height } = picture;
  const isSmall = width !== null && height !== null && width <= 128 && height <= 128;
  return (
    <span class={`media-layered${isSmall ? " small" : ""}`} style={width && height ? { aspectRatio: `${width} / ${height}` } : {}}>
      <img src={address(picture.src)} alt={picture.caption ?? picture.name} loading="lazy" decoding="async" onError={() => setGone(true)} />
      {(picture.masks || picture.boxes) && <Overlay picture={picture} />}
    </span>
  );
}

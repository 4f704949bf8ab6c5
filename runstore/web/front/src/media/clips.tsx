/** Sound and films. A film that is a GIF is a picture to browsers. */
import { address } from "./bytes";
import { Caption, Download, Gone, Rest } from "./item";
import type { Files, Item } from "./types";

export function Clips({ view }: { view: Files }) {
  return (
    <div class="media-items">
      {view.items.map((item, place) => (
        <figure key={place} class="media-clip">
          {item.src ? <Clip item={item} src={address(item.src)} isSound={view.kind === "audio"} /> : <Gone item={item} />}
          <Caption item={item} />
          <Download item={item} />
        </figure>
      ))}
      <Rest shown={view.items.length} count={view.count} />
    </div>
  );
}

function Clip({ item, src, isSound }: { item: Item; src: string; isSound: boolean }) {
  const name = item.caption ?? item.name;
  if (isSound) return <audio controls preload="none" src={src} aria-label={name} />;
  if (item.name.toLowerCase().endsWith(".gif")) return <img src={src} alt={name} loading="lazy" />;
  return <video controls preload="metadata" loop src={src} aria-label={name} />;
}

/** Logged HTML: in a frame without an origin, which reads nothing of ours and loads nothing from anywhere. */
import { Frame } from "./frame";
import { Caption, Download, Gone, Rest } from "./item";
import type { Files } from "./types";

export function Pages({ view }: { view: Files }) {
  return (
    <div class="media-items">
      {view.items.map((item, place) => (
        <figure key={place} class="media-page">
          {item.src ? <Frame title={item.caption ?? item.name} src={item.src} /> : <Gone item={item} />}
          <Caption item={item} />
          <Download item={item} />
        </figure>
      ))}
      <Rest shown={view.items.length} count={view.count} />
    </div>
  );
}

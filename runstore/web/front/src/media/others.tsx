/** Media that nothing here draws: files to be downloaded. */
import { Download, Gone } from "./item";
import type { Other } from "./types";

export function Others({ view }: { view: Other }) {
  return (
    <div class="media-items">
      <p class="quiet">Of the type {view.type}, which is not drawn here.</p>
      {view.items.map((item, place) => (item.download ? <Download key={place} item={item} /> : <Gone key={place} item={item} />))}
    </div>
  );
}

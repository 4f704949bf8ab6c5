/** Figures of Plotly's, whose library is no part of exported files: stands in the place of media/figures.tsx. */
import { Gone } from "../media/item";
import type { Files } from "../media/types";

export default function Figures({ view }: { view: Files }) {
  return <div class="media-items">{view.items.map((item, place) => <Gone key={place} item={item} />)}</div>;
}

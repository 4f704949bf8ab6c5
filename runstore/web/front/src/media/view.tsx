/** Any media value. What is heavy is loaded when the first of its kind is shown. */
import { lazy } from "../shell/lazy";
import { Clips } from "./clips";
import { HistogramView } from "./histogram";
import { Images } from "./images";
import { Others } from "./others";
import { Pages } from "./pages";
import { TableView } from "./table";
import type { View } from "./types";

const Solids = lazy(() => import("./solids"));
const Molecules = lazy(() => import("./molecules"));
const Figures = lazy(() => import("./figures"));

/** Which value it is, for what is asked of the server about it. */
export interface Place {
  ref: string;
  key: string;
  step: number | null;
  /** Of tables in a list, which one. */
  place?: number;
}

export function ViewOf({ view, place }: { view: View; place: Place }) {
  switch (view.kind) {
    case "images":
      return <Images view={view} />;
    case "audio":
    case "video":
      return <Clips view={view} />;
    case "html":
      return <Pages view={view} />;
    case "object3d":
      return <Solids view={view} />;
    case "molecule":
      return <Molecules view={view} />;
    case "plotly":
      return <Figures view={view} />;
    case "histogram":
      return <HistogramView view={view} />;
    case "table":
      return <TableView key={`${place.key} ${place.step}`} place={place} />;
    case "list":
      return (
        <div class="media-items">
          {view.views.map((one, number) => <ViewOf key={number} view={one} place={{ ...place, place: number }} />)}
        </div>
      );
    default:
      return <Others view={view} />;
  }
}

/** One cell of a table. */
import { moment, short } from "../parts/words";
import { post } from "../shell/api";
import { useLoad } from "../shell/load";
import type { View } from "./types";
import { type Place, ViewOf } from "./view";

/** As web/media/cells.py makes them. */
export type Cell = null | boolean | number | string | { cut: string } | { json: string; is_cut: boolean } | { note: string } | { time: number } | { media: View };

interface CellProps {
  cell: Cell;
  place: Place;
  /** Asks for the whole of a cell that was cut. */
  onWhole?: () => void;
}

export function CellView({ cell, place, onWhole }: CellProps) {
  if (cell === null) return null;
  if (typeof cell === "number") return <>{short(cell)}</>;
  if (typeof cell !== "object") return <>{String(cell)}</>;
  if ("media" in cell && cell.media.kind === "table") return <span class="quiet">a table</span>; // which nothing names
  if ("media" in cell) return <div class="media-in-cell"><ViewOf view={cell.media} place={place} /></div>;
  if ("time" in cell) return <>{moment(cell.time)}</>;
  if ("note" in cell) return <span class="quiet">{cell.note}</span>;
  const text = "cut" in cell ? cell.cut : cell.json;
  const isCut = "cut" in cell || cell.is_cut;
  return (
    <span class={"json" in cell ? "media-json" : ""}>
      {text}{isCut && "…"} {isCut && onWhole && <button type="button" class="plain" onClick={onWhole}>all of it</button>}
    </span>
  );
}

/** A cell in full. */
export function Whole({ place, row, column }: { place: Place; row: number; column: string }) {
  const { data, error } = useLoad((signal) => post<Cell>("media/cell", { ...place, row, column }, signal), [row, column]);
  if (data === undefined) return error ? <p class="error">{error}</p> : <p class="quiet">…</p>;
  return <div class="media-whole"><CellView cell={data} place={place} /></div>;
}

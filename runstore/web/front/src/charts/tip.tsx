/** What the lines of a chart are at the pointer: sorted by value, as they lie above one another. */
import { hovered } from "../parts/shownrun";
import { useStore } from "../shell/store";
import type { Aligned } from "./align";
import { placeInWords } from "./axes";
import type { PlotLine } from "./plot";
import { value4 } from "./words";

export interface TipAt {
  left: number;
  top: number;
  width: number;
  height: number;
  /** How far from the left of the window. */
  inWindow: number;
  /** It is in the lower half of the window: there is more room above it. */
  isLow: boolean;
  /** The place in x, and for each series its own (the first is x). */
  place: number;
  places: readonly (number | null | undefined)[];
  /** Keys led here, and no pointer: it is said as well. */
  isByKeys: boolean;
}

interface TipProps {
  at: TipAt;
  lines: readonly PlotLine[];
  data: Aligned;
  x: string;
  width: number;
}

interface Row {
  line: PlotLine;
  value: number | null;
  low: number | null | undefined;
  high: number | null | undefined;
  odd: number;
  count: number;
}

const MOST_ROWS = 12;
const MOST_SAID = 6;
/** What it takes at most beside the pointer, in pixels, and how far it is from it. */
const ROOM = 320;
const BESIDE = 14;

export function Tip({ at, lines, data, x, width }: TipProps) {
  const pointed = useStore(hovered);
  const rows = rowsAt(at, lines, data);
  if (!rows.length) return null;
  const chosen = Math.max(0, rows.findIndex((row) => row.line.ref === pointed));
  const begin = Math.max(0, Math.min(chosen - Math.floor(MOST_ROWS / 2), rows.length - MOST_ROWS));
  const shown = rows.slice(begin, begin + MOST_ROWS);
  return (
    <div class="charttip" style={placed(at)} aria-hidden="true">
      <div class="where">{whereOf(at, lines, data, x, width)}</div>
      {begin > 0 && <div class="more">{begin} above</div>}
      <table>
        <tbody>
          {shown.map((row) => (
            <tr key={row.line.ref} class={row.line.ref === pointed ? "on" : ""}>
              <td><svg width="16" height="8" viewBox="0 0 16 8"><line x1="0" x2="16" y1="4" y2="4" style={{ stroke: row.line.color, strokeDasharray: row.line.dash.join(" ") }} /></svg></td>
              <td class="value">{row.value === null ? "NaN" : value4(row.value)}</td>
              <td class="name"><bdi>{row.line.name}</bdi></td>
              <td class="between">{between(row)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {begin + MOST_ROWS < rows.length && <div class="more">{rows.length - begin - MOST_ROWS} below</div>}
    </div>
  );
}

/** To the right of the pointer, or to its left; where the window has no room on either side, below or above the chart. */
function placed({ left, top, width, height, isLow, inWindow }: TipAt): Record<string, string> {
  const [fitsBefore, fitsBehind] = [inWindow > ROOM, innerWidth - inWindow > ROOM];
  if (!fitsBefore && !fitsBehind) return { left: "0", maxWidth: "100%", [isLow ? "bottom" : "top"]: "100%" };
  const upright = isLow ? { bottom: `${Math.max(0, height - top)}px` } : { top: `${Math.max(0, top)}px` };
  const isBehind = fitsBehind && (left + ROOM <= width || !fitsBefore);
  return { ...upright, ...(isBehind ? { left: `${left + BESIDE}px` } : { right: `${width - left + BESIDE}px` }) };
}

/** The same as a sentence; of many lines the highest and the lowest. */
export function said({ at, lines, data, x, width }: TipProps): string {
  const rows = rowsAt(at, lines, data);
  const [some, rest] = rows.length > MOST_SAID ? [[...rows.slice(0, MOST_SAID / 2), ...rows.slice(-MOST_SAID / 2)], rows.length - MOST_SAID] : [rows, 0];
  const values = some.map((row) => `${row.line.name} ${value4(row.value)}`);
  if (rest) values.splice(MOST_SAID / 2, 0, `${rest} between`);
  return `${whereOf(at, lines, data, x, width)}: ${values.join(", ") || "nothing"}`;
}

function whereOf(at: TipAt, lines: readonly PlotLine[], data: Aligned, x: string, width: number): string {
  const cell = lines.flatMap((line, place) => line.spots.cells[data.places[place]?.[at.place] ?? -1] ?? [])[0];
  return placeInWords(x, data.x[at.place] ?? 0, width, cell?.cell);
}

/** What each line that has something there is, from the highest to the lowest. */
function rowsAt(at: TipAt, lines: readonly PlotLine[], data: Aligned): Row[] {
  const rows = lines.flatMap((line, series) => {
    const place = at.places[series + 1];
    if (place === null || place === undefined) return [];
    const own = data.places[series]?.[place] ?? -1;
    const value = line.spots.y[own];
    if (value === undefined) return [];
    const cell = line.spots.cells[own];
    return [{ line, value, low: cell?.low, high: cell?.high, odd: cell?.odd ?? 0, count: cell?.count ?? 1 }];
  });
  return rows.sort((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity));
}

function between({ low, high, odd, count }: Row): string {
  const parts: string[] = [];
  if (count > 1 && low !== undefined && high !== undefined && low !== high) parts.push(`${value4(low)} – ${value4(high)}`);
  else if (count > 1 && high !== undefined && low === undefined) parts.push(`max ${value4(high)}`);
  else if (count > 1 && low !== undefined && high === undefined) parts.push(`min ${value4(low)}`);
  if (odd && count) parts.push(`${odd} not finite`);
  return parts.join(", ");
}

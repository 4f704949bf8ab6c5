/** One run in the table: its switch in the colour of its line, its name, and its cells. */
import { memo } from "../parts/memo";
import { Swatch } from "../parts/swatch";
import { link } from "../shell/router";
import { hovered } from "../parts/shownrun";
import type { Ages } from "./age";
import { CellText, isNumber, titleOf } from "./cell";
import type { Row } from "./rows";
import { idOf } from "./view";

export interface LineProps {
  row: Row;
  columns: readonly string[];
  place: number;
  ages: Ages;
  isDrawn: boolean;
  isPinned: boolean;
  isHovered: boolean;
  onSwitch: (ref: string) => void;
  onPin: (ref: string) => void;
}

function LineNow({ row, columns, place, ages, isDrawn, isPinned, isHovered, onSwitch, onPin }: LineProps) {
  return (
    <tr
      data-ref={row.ref}
      aria-rowindex={place}
      class={`${isPinned ? "pinned" : ""} ${isHovered ? "hovered" : ""}`}
      onPointerEnter={() => hovered.set(row.ref)}
      onPointerLeave={() => hovered.set("")}
    >
      <th scope="row" class="name">
        <div>
          <button
            type="button" class="switch" role="switch" aria-checked={isDrawn}
            aria-label={`Draw ${row.name}`} title={isDrawn ? "Hide its lines" : "Draw its lines"} onClick={() => onSwitch(row.ref)}
          >
            <Swatch reference={row.ref} isOn={isDrawn} />
          </button>
          <i class={`dot ${row.state}`} title={row.state} />
          <a href={link(`r/${row.ref}`)} title={`${row.name} (${idOf(row.ref)})`}>{row.name}</a>
          <button
            type="button" class="pin" aria-pressed={isPinned} aria-label={`Pin ${row.name}`}
            title={isPinned ? "Let it go from the top" : "Keep it at the top"} onClick={() => onPin(row.ref)}
          >
            <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true"><path d="M10.5 1 15 5.5l-1.2 1.2-.9-.2-2.7 2.7.2 3-1.2 1.2-3-3L2.4 14.2 1.8 13.6 5.6 9.8l-3-3L3.8 5.6l3 .2 2.7-2.7-.2-.9z" /></svg>
          </button>
        </div>
      </th>
      {columns.map((column, at) => {
        const cell = row.cells[at];
        return (
          <td key={column} class={isNumber(cell) ? "number" : ""} title={titleOf(column, cell, ages)}>
            <CellText column={column} cell={cell} ages={ages} />
          </td>
        );
      })}
    </tr>
  );
}

export const Line = memo(LineNow);

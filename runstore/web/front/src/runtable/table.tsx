/** The table of runs: a real table, of which only the rows in view are in the page. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { hovered } from "../parts/shownrun";
import { useStore } from "../shell/store";
import { useAges } from "./age";
import { isNumber, isTime } from "./cell";
import { Head } from "./head";
import { Line } from "./line";
import { placeOf, placesOf } from "./once";
import type { Row } from "./rows";
import type { Runs } from "./source";
import { idOf, type View } from "./view";
import { useFollowing, useWalk } from "./walk";
import { widthsOf } from "./widths";
import { ROW_PX, useWindow } from "./window";

const HEAD_PX = 30;

interface TableProps {
  project: string;
  runs: Runs;
  view: View;
  drawn: ReadonlySet<string>;
  onSort: (sort: string) => void;
  onSwitch: (ref: string) => void;
  onPin: (ref: string) => void;
}

export function RunTable({ project, runs, view, drawn, onSort, onSwitch, onPin }: TableProps) {
  const box = useRef<HTMLDivElement>(null);
  const under = useStore(hovered);
  const pinned = view.pinned.map((id) => runs.also.get(`${project}/${id}`)).filter((row): row is Row => row !== undefined);
  const refs = pinned.map((row) => row.ref).join("\n");
  const leftOut = useMemo(() => placesOf(runs.rows, new Set(pinned.map((row) => row.ref))), [runs.rows, refs]);
  const count = (runs.found ?? 0) - leftOut.length;
  const { first, last } = useWindow(box, count, HEAD_PX + pinned.length * ROW_PX);
  useEffect(() => runs.need(placeOf(first, leftOut), placeOf(last, leftOut)), [first, last, leftOut, runs.need, runs.found]);
  useEffect(() => box.current?.scrollTo(0, 0), [view.filter, view.sort]);
  const kinds = useMemo(() => kindsOf(runs), [runs.rows, runs.columns]);
  const times = useMemo(() => timesOf(runs), [runs.rows, runs.columns]);
  const ages = useAges(times);
  const widths = useMemo(() => widthsOf(runs.rows.values(), runs.columns, ages), [runs.rows, runs.columns, ages.units]);
  const lineProps = { columns: runs.columns, ages, onSwitch, onPin: useFollowing(box, onPin) };
  useWalk(box);
  const shown = [];
  for (let number = first; number <= last; number++) {
    const place = placeOf(number, leftOut);
    const row = runs.rows.get(place);
    shown.push(
      row ? (
        <Line
          key={row.ref} row={row} place={number + pinned.length + 2} {...lineProps}
          isDrawn={drawn.has(row.ref)} isPinned={view.pinned.includes(idOf(row.ref))} isHovered={under === row.ref}
        />
      ) : (
        <tr key={place} class="waiting"><th scope="row" class="name">…</th>{runs.columns.map((column) => <td key={column} />)}</tr>
      ),
    );
  }
  return (
    <div class={`runtable ${count || pinned.length ? "" : "bare"}`} ref={box} tabIndex={0} role="region" aria-label="Runs" aria-busy={runs.isLoading}>
      {runs.isStale && (
        <div class="again">
          <button type="button" class="button" title="Values changed since these rows were put in order" onClick={runs.sortAgain}>Sort again</button>
        </div>
      )}
      <table aria-rowcount={count + pinned.length + 1}>
        <colgroup>
          <col class="name" style={{ "--letters": widths.name }} />
          {widths.columns.map((letters, at) => <col key={at} style={{ "--letters": letters }} />)}
          <col />
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            <Head column="name" sort={view.sort} kind="name" onSort={onSort} />
            {runs.columns.map((column, at) => <Head key={column} column={column} sort={view.sort} kind={kinds[at] ?? ""} onSort={onSort} />)}
          </tr>
        </thead>
        {pinned.length > 0 && (
          <tbody class="pins">
            {pinned.map((row, place) => (
              <Line key={row.ref} row={row} place={place + 2} {...lineProps} isDrawn={drawn.has(row.ref)} isPinned isHovered={under === row.ref} />
            ))}
          </tbody>
        )}
        <tbody>
          <Space rows={first} />
          {shown}
          <Space rows={count - 1 - last} />
        </tbody>
      </table>
    </div>
  );
}

/** Rows that are not in the page take their room. */
function Space({ rows }: { rows: number }) {
  return rows > 0 ? <tr class="space" aria-hidden="true" style={{ height: `${rows * ROW_PX}px` }} /> : null;
}

/** The moments that the rows show; none where no column has any. */
function timesOf(runs: Runs): number[] {
  const at = runs.columns.findIndex(isTime);
  const cells = at < 0 ? [] : [...runs.rows.values()].map((row) => row.cells[at]);
  return cells.filter((cell) => typeof cell === "number");
}

/** "number" for columns whose first values are numbers: their heads stand to the right, too. */
function kindsOf(runs: Runs): string[] {
  const some = [...runs.rows.values()].slice(0, 30);
  return runs.columns.map((_, at) => {
    const cells = some.map((row) => row.cells[at]).filter((cell) => cell !== null && cell !== undefined);
    return cells.length && cells.every(isNumber) ? "number" : "";
  });
}

/** A logged table: the server sorts, filters and pages; here a page of it is shown. */
import { useState } from "preact/hooks";
import { Dialog } from "../parts/dialog";
import { many } from "../parts/words";
import { post } from "../shell/api";
import { useLoad } from "../shell/load";
import { type Cell, CellView, Whole } from "./cell";
import { usePaced } from "./paced";
import type { Place } from "./view";

export interface Column {
  name: string;
  kind: string | null;
}

export interface Page {
  columns: Column[];
  all_columns: number;
  /** How many rows there are where only the first `total` can be had, as in an exported file. */
  all_rows?: number;
  total: number;
  matching: number;
  offset: number;
  /** Which row of the table each is. */
  numbers: number[];
  rows: Cell[][];
}

export interface Order {
  sort: string;
  descending: boolean;
}

const ROWS = 20;
const AS_LOGGED: Order = { sort: "", descending: false };

/** Whoever types asks no more often than that. */
const TYPING_MS = 250;

export function TableView({ place }: { place: Place }) {
  const [order, setOrder] = useState<Order>(AS_LOGGED);
  const [typed, setTyped] = useState("");
  const [offset, setOffset] = useState(0);
  const filter = usePaced(typed, TYPING_MS);
  const { data, error, isLoading } = useLoad(
    (signal) => post<Page | { nothing: string }>("media/table", { ...place, ...order, filter, offset, limit: ROWS }, signal),
    [JSON.stringify([place, order, filter, offset])],
  );
  if (!data) return error ? <p class="error">{error}</p> : <div class="media-waiting" />;
  if ("nothing" in data) return <p class="quiet">{data.nothing}</p>;
  return (
    <div class="media-table" aria-busy={isLoading}>
      <div class="media-bar">
        <input
          class="field" type="search" aria-label="Filter rows" placeholder='words, or column>0.5, column:"text"' value={typed}
          onInput={(event) => (setTyped(event.currentTarget.value), setOffset(0))}
        />
        <Pages page={data} onOffset={setOffset} />
      </div>
      {error && <p class="error" role="alert">{error}</p>}
      <Rows page={data} place={place} order={order} onTurn={(name) => (setOrder(turned(order, name)), setOffset(0))} />
      {(data.all_rows ?? 0) > data.total && <p class="quiet">Of {many(data.all_rows ?? 0, "row")} the first {data.total.toLocaleString("en")} are in this file</p>}
      {data.all_columns > data.columns.length && <p class="quiet">{data.columns.length} of {many(data.all_columns, "column")} shown</p>}
    </div>
  );
}

/** Upwards, downwards, and back to how it was logged. */
export function turned(order: Order, name: string): Order {
  if (order.sort !== name) return { sort: name, descending: false };
  return order.descending ? AS_LOGGED : { sort: name, descending: true };
}

interface RowsProps {
  page: Page;
  place: Place;
  order: Order;
  onTurn: (name: string) => void;
}

function Rows({ page, place, order, onTurn }: RowsProps) {
  const [whole, setWhole] = useState<{ row: number; column: string }>();
  return (
    <div class="media-table-scroll" tabIndex={0} role="group" aria-label="Rows">
      <table>
        <thead>
          <tr>{page.columns.map(({ name, kind }) => <Head key={name} name={name} kind={kind} order={order} onTurn={() => onTurn(name)} />)}</tr>
        </thead>
        <tbody>
          {page.rows.map((row, at) => (
            <tr key={page.numbers[at]}>
              {row.map((cell, column) => (
                <td key={column} class={typeof cell === "number" ? "number" : ""}>
                  <CellView cell={cell} place={place} onWhole={() => setWhole({ row: page.numbers[at] ?? 0, column: page.columns[column]?.name ?? "" })} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {whole && <Dialog title={`${whole.column}, row ${whole.row}`} kind="wide" onClose={() => setWhole(undefined)}><Whole place={place} {...whole} /></Dialog>}
    </div>
  );
}

function Head({ name, kind, order, onTurn }: Column & { order: Order; onTurn: () => void }) {
  const sorted = order.sort === name ? (order.descending ? "descending" : "ascending") : "none";
  return (
    <th scope="col" aria-sort={sorted}>
      <button type="button" class="plain" title={kind ?? undefined} onClick={onTurn}>{name}{sorted === "none" ? "" : sorted === "ascending" ? " ↑" : " ↓"}</button>
    </th>
  );
}

function Pages({ page, onOffset }: { page: Page; onOffset: (offset: number) => void }) {
  const { offset, matching, total, rows } = page;
  const last = offset + rows.length;
  const of = matching === total ? many(total, "row") : `${matching.toLocaleString("en")} that fit, of ${many(total, "row")}`;
  return (
    <span class="media-pages">
      <button type="button" class="plain" aria-label="The rows before" disabled={!offset} onClick={() => onOffset(Math.max(0, offset - ROWS))}>‹</button>
      <span>{rows.length ? `${(offset + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${of}` : matching ? "no more rows" : `none of ${many(total, "row")} fits`}</span>
      <button type="button" class="plain" aria-label="The next rows" disabled={last >= matching} onClick={() => onOffset(offset + ROWS)}>›</button>
    </span>
  );
}

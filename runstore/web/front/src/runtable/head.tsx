/** The head of one column: a click sorts by it, once more turns the order, and a third time ends it. */
import { headOf } from "./cell";
import { nextSort, ordersOf } from "./order";

interface HeadProps {
  column: string;
  sort: string;
  kind: string;
  onSort: (sort: string) => void;
}

export function Head({ column, sort, kind, onSort }: HeadProps) {
  const orders = ordersOf(sort);
  const place = orders.findIndex((one) => one.column === column);
  const order = place < 0 ? "none" : orders[place]?.isDescending ? "descending" : "ascending";
  const sign = { ascending: "↑", descending: "↓", none: "" }[order] + (orders.length > 1 && place >= 0 ? String(place + 1) : "");
  return (
    <th scope="col" class={kind} aria-sort={order}>
      <button type="button" title={`Sort by ${column}; with shift beside the others`} onClick={(event) => onSort(nextSort(sort, column, event.shiftKey))}>
        <span>{headOf(column)}</span>
        <i aria-hidden="true">{sign}</i>
      </button>
    </th>
  );
}

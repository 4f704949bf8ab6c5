/** The order of the table, as the address has it: `-summary.loss,config.lr`. */
import { isNumber } from "./cell";
import type { Row } from "./rows";
import { escaped, listed, unescaped } from "./view";

export interface By {
  column: string;
  isDescending: boolean;
}

/** By which columns is sorted, the one that counts most first. */
export function ordersOf(sort: string): By[] {
  return listed(sort).map((one) => ({ column: unescaped(one.replace(/^-/, "")), isDescending: one.startsWith("-") }));
}

/** The same as the server takes it. */
export function sortsOf(sort: string): string[] {
  return ordersOf(sort).map(({ column, isDescending }) => (isDescending ? `-${column}` : column));
}

/** The order after one more click on a head: ascending, descending, and not by it; `isMore`: beside the other columns. */
export function nextSort(sort: string, column: string, isMore = false): string {
  const orders = ordersOf(sort);
  const before = orders.find((one) => one.column === column);
  const after: By[] = !before ? [{ column, isDescending: false }] : before.isDescending ? [] : [{ column, isDescending: true }];
  if (!isMore) return written(after);
  return written(before ? orders.flatMap((one) => (one === before ? after : [one])) : [...orders, ...after]);
}

function written(orders: readonly By[]): string {
  return orders.map(({ column, isDescending }) => (isDescending ? "-" : "") + escaped(column)).join(",");
}

/** Whether rows that follow each other are plainly in the wrong order, since their values changed: numbers alone are compared. */
export function isOutOfOrder(rows: ReadonlyMap<number, Row>, columns: readonly string[], sort: string): boolean {
  const [by] = ordersOf(sort);
  const at = by ? columns.indexOf(by.column) : -1;
  if (!by || at < 0) return false;
  return [...rows].some(([place, row]) => {
    const [here, next] = [row.cells[at], rows.get(place + 1)?.cells[at]];
    if (!isNumber(here) || !isNumber(next)) return false;
    return by.isDescending ? Number(here) < Number(next) : Number(here) > Number(next);
  });
}

/** Rows of a table in the file: found, sorted, a page at a time, by the rules of query/media/tables.py. */
import type { Cell } from "../media/cell";
import type { Column, Page } from "../media/table";
import { ApiError } from "../shell/refusal";

/** As routes/tables.py is asked. */
export interface Asked {
  filter: string;
  sort: string;
  descending: boolean;
  offset: number;
  limit: number;
}

interface Table {
  columns: Column[];
  all_columns: number;
  all_rows: number;
  rows: Cell[][];
}

type Test = (row: readonly Cell[]) => boolean;

// Of a text a page of rows shows so much; the rest is asked for by itself.
const MOST_TEXT = 300;
const WORD = /"[^"]*"(?=\s|$)|(?:[^\s"]|"[^"]*")+/g;
const CONDITION = /^("[^"]+"|[^"<>=!:]+?)(<=|>=|!=|<|>|=|:)([\s\S]*)$/;
const COMPARISONS: Record<string, (a: number | string, b: number | string) => boolean> = {
  "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "<": (a, b) => a < b, ">": (a, b) => a > b, "=": (a, b) => a === b, "!=": (a, b) => a !== b,
};

export function pageOf(table: Table, { filter, sort, descending, offset, limit }: Asked): Page {
  const tests = (filter.match(WORD) ?? []).map((word) => testOf(word, table.columns));
  const fitting = [...table.rows.keys()].filter((number) => tests.every((test) => test(table.rows[number] ?? [])));
  const numbers = sorted(table, fitting, sort, descending).slice(offset, offset + limit);
  return {
    columns: table.columns,
    all_columns: table.all_columns,
    all_rows: table.all_rows,
    total: table.rows.length,
    matching: fitting.length,
    offset,
    numbers,
    rows: numbers.map((number) => (table.rows[number] ?? []).map((cell) => begun(cell, MOST_TEXT))),
  };
}

/** A cell with the beginning of a long text. */
export function begun(cell: Cell, most = Infinity): Cell {
  if (typeof cell === "string") return cell.length > most ? { cut: cell.slice(0, most) } : cell;
  if (cell === null || typeof cell !== "object") return cell;
  if ("cut" in cell) return { cut: cell.cut.slice(0, most) };
  return "json" in cell && cell.json.length > most ? { json: cell.json.slice(0, most), is_cut: true } : cell;
}

/** What a cell says, as a person reads it; media by their captions and the names of their files. */
export function textOf(cell: Cell): string {
  if (cell === null || typeof cell !== "object") return cell === null ? "" : String(cell);
  if ("cut" in cell) return cell.cut;
  if ("json" in cell) return cell.json;
  if ("note" in cell) return cell.note;
  if ("time" in cell) return String(cell.time * 1000);
  return "items" in cell.media ? cell.media.items.map((item) => `${item.caption ?? ""} ${item.name}`).join(" ") : "";
}

function sorted({ columns, rows }: Table, numbers: number[], sort: string, descending: boolean): number[] {
  if (!sort) return descending ? numbers.reverse() : numbers;
  const place = columns.findIndex(({ name }) => name === sort);
  const at = (number: number) => rows[number]?.[place] ?? null;
  const filled = numbers.filter((number) => !isEmpty(at(number)));
  filled.sort((one, other) => (descending ? -1 : 1) * compared(at(one), at(other)));
  return [...filled, ...numbers.filter((number) => isEmpty(at(number)))];
}

function isEmpty(cell: Cell): boolean {
  return cell === null || (typeof cell === "object" && "note" in cell && cell.note === "NaN");
}

/** Numbers before texts, whatever the case of letters. */
function compared(one: Cell, other: Cell): number {
  const [a, b] = [numberOf(one), numberOf(other)];
  if (a !== undefined && b !== undefined) return a - b;
  if (a !== undefined || b !== undefined) return a !== undefined ? -1 : 1;
  const [left, right] = [textOf(one).toLowerCase(), textOf(other).toLowerCase()];
  return left < right ? -1 : Number(left > right);
}

function numberOf(cell: Cell): number | undefined {
  if (typeof cell === "number" || typeof cell === "boolean") return Number(cell);
  if (cell === null || typeof cell !== "object") return undefined;
  if ("time" in cell) return cell.time * 1000;
  return "note" in cell && cell.note.endsWith("Infinity") ? Number(cell.note) : undefined;
}

function testOf(word: string, columns: readonly Column[]): Test {
  const found = CONDITION.exec(word);
  const place = columns.findIndex(({ name }) => name === found?.[1]?.replaceAll('"', ""));
  if (!found || place < 0) {
    const wanted = word.replaceAll('"', "").toLowerCase();
    return (row) => row.some((cell) => textOf(cell).toLowerCase().includes(wanted));
  }
  const value = (found[3] ?? "").replaceAll('"', "");
  if (found[2] === ":") return (row) => textOf(row[place] ?? null).toLowerCase().includes(value.toLowerCase());
  return comparison(place, found[2] ?? "=", value);
}

function comparison(place: number, sign: string, value: string): Test {
  const compare = COMPARISONS[sign]!;
  const number = value.trim() === "" ? Number.NaN : Number(value);
  const isText = sign === "=" || sign === "!=";
  if (Number.isNaN(number) && !isText) throw new ApiError(400, `'${value}' is no number: only numbers are compared by ${sign}`);
  return (row) => {
    const cell = row[place] ?? null;
    const own = typeof cell === "boolean" ? undefined : numberOf(cell);
    if (own !== undefined) return Number.isNaN(number) ? sign === "!=" : compare(own, number);
    return isText && compare(textOf(cell).toLowerCase(), value.toLowerCase());
  };
}

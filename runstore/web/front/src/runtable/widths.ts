/** How wide the columns are: by the first rows, and no other for those that come by while one scrolls. */
import type { Ages } from "./age";
import { headOf, textOf } from "./cell";
import type { Row } from "./rows";

const MOST_ROWS = 200;
const LEAST_LETTERS = 5;
const MOST_LETTERS = 30;
const MOST_LETTERS_OF_NAME = 60;
const MOST_LETTERS_OF_HEAD = 18;
const ARROW_LETTERS = 2;
/** How wide a letter is on average; digits are all as wide as a "0". */
const LETTER = 0.88;

export interface Widths {
  /** Letters, as wide as a "0". */
  name: number;
  columns: number[];
}

export function widthsOf(rows: Iterable<Row>, columns: readonly string[], ages: Ages): Widths {
  const some = [...rows].slice(0, MOST_ROWS);
  const widest = (texts: readonly string[]) => Math.ceil(Math.max(0, ...texts.map(lettersOf)));
  return {
    name: Math.min(Math.max(widest(some.map((row) => row.name)), LEAST_LETTERS), MOST_LETTERS_OF_NAME),
    columns: columns.map((column, at) => {
      const letters = Math.max(Math.min(headOf(column).length, MOST_LETTERS_OF_HEAD) + ARROW_LETTERS, widest(some.map((row) => widthText(column, row, at, ages))));
      return Math.min(Math.max(letters, LEAST_LETTERS), MOST_LETTERS);
    }),
  };
}

function lettersOf(text: string): number {
  return [...text].length * (/^[\d.,e-]*$/.test(text) ? 1 : LETTER);
}

/** What a cell shows, with as many letters more as its ornaments take. */
function widthText(column: string, row: Row, at: number, ages: Ages): string {
  const text = textOf(column, row.cells[at], ages);
  if (column === "state") return `${text}  `;
  return column === "tags" ? text.replace(/, /g, "    ") : text;
}

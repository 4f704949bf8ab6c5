/** The colours that a program wrote into its lines, as pieces of text and how each is drawn. */

export interface Piece {
  text: string;
  /** Class names: `f1` and `b1` are the first colour as text and as ground, and bold, faint, italic, under, struck. */
  kind: string;
  /** Colours beyond the sixteen, as CSS has them. */
  color: string;
  ground: string;
}

interface Pen {
  fore: string;
  back: string;
  marks: Set<string>;
  isTurned: boolean;
}

const SEQUENCE = /\x1b\[([0-9;:?]*)[ -/]*([@-~])|\x1b/g;
const ON: Record<number, string> = { 1: "bold", 2: "faint", 3: "italic", 4: "under", 9: "struck" };
const OFF: Record<number, string[]> = { 22: ["bold", "faint"], 23: ["italic"], 24: ["under"], 29: ["struck"] };

/** A line without its escape sequences. */
export function plainOf(line: string): string {
  return line.includes("\x1b") ? line.replace(SEQUENCE, "") : line;
}

export function piecesOf(line: string): Piece[] {
  if (!line.includes("\x1b")) return [{ text: line, kind: "", color: "", ground: "" }];
  const pieces: Piece[] = [];
  const pen: Pen = { fore: "", back: "", marks: new Set(), isTurned: false };
  let at = 0;
  const add = (text: string) => text && pieces.push(drawn(text, pen));
  for (const found of line.matchAll(SEQUENCE)) {
    add(line.slice(at, found.index));
    at = found.index + found[0].length;
    if (found[2] === "m") turn(pen, found[1] ?? "");
  }
  add(line.slice(at));
  return pieces;
}

/** Pieces cut at the borders of spans; those inside of one are marked as found. */
export function marked(pieces: readonly Piece[], spans: readonly (readonly [number, number])[]): (Piece & { isFound: boolean })[] {
  const cut: (Piece & { isFound: boolean })[] = [];
  let begin = 0;
  for (const piece of pieces) {
    const end = begin + piece.text.length;
    const borders = new Set([begin, end]);
    for (const span of spans) for (const border of span) if (border > begin && border < end) borders.add(border);
    const sorted = [...borders].sort((a, b) => a - b);
    sorted.slice(1).forEach((to, place) => {
      const from = sorted[place] ?? begin;
      const isFound = spans.some(([first, behind]) => first <= from && to <= behind);
      cut.push({ ...piece, text: piece.text.slice(from - begin, to - begin), isFound });
    });
    begin = end;
  }
  return cut;
}

function drawn(text: string, pen: Pen): Piece {
  const [fore, back] = pen.isTurned ? [pen.back || "turned", pen.fore || "turned"] : [pen.fore, pen.back];
  const isNamed = (colour: string) => colour !== "" && !colour.startsWith("rgb");
  const names = [...pen.marks, isNamed(fore) ? `f${fore}` : "", isNamed(back) ? `b${back}` : ""].filter(Boolean);
  return { text, kind: names.join(" "), color: isNamed(fore) ? "" : fore, ground: isNamed(back) ? "" : back };
}

/** Obey one sequence that selects how to draw. */
function turn(pen: Pen, text: string): void {
  const codes = text.split(/[;:]/).map(Number);
  for (let place = 0; place < codes.length; place += 1) {
    const code = codes[place] ?? 0;
    const on = ON[code];
    if (code === 0) Object.assign(pen, { fore: "", back: "", marks: new Set(), isTurned: false });
    else if (on) pen.marks.add(on);
    else if (OFF[code]) OFF[code].forEach((mark) => pen.marks.delete(mark));
    else if (code === 7 || code === 27) pen.isTurned = code === 7;
    else if (code === 38 || code === 48) {
      const [colour, used] = wide(codes, place + 1);
      pen[code === 38 ? "fore" : "back"] = colour;
      place += used;
    } else choose(pen, code);
  }
}

/** One of the sixteen colours, or none. */
function choose(pen: Pen, code: number): void {
  if (code === 39) pen.fore = "";
  else if (code === 49) pen.back = "";
  else if (code >= 30 && code <= 37) pen.fore = String(code - 30);
  else if (code >= 40 && code <= 47) pen.back = String(code - 40);
  else if (code >= 90 && code <= 97) pen.fore = String(code - 82);
  else if (code >= 100 && code <= 107) pen.back = String(code - 92);
}

/** A colour of 256, or one in red, green and blue; and how many codes tell it. */
function wide(codes: number[], place: number): [string, number] {
  const byte = (value: number | undefined) => Math.min(255, Math.max(0, value || 0));
  if (codes[place] === 2) return [`rgb(${codes.slice(place + 1, place + 4).map(byte).join(" ")})`, 4];
  if (codes[place] !== 5) return ["", 0];
  const colour = byte(codes[place + 1]);
  if (colour < 16) return [String(colour), 2];
  if (colour >= 232) return [`rgb(${Array(3).fill(8 + (colour - 232) * 10).join(" ")})`, 2];
  const level = (part: number) => (part ? 55 + part * 40 : 0);
  const cube = colour - 16;
  return [`rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`, 2];
}

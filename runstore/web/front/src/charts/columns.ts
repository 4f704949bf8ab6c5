/** Numbers as the server packs them; see `numbers.py` there. */

export type Column = [exponent: number, digits: number, text: string];

const BITS = 5;
const FIRST = 35;

/** The numbers of a column; null is none that is finite. */
export function unpackedColumn([exponent, digits, text]: Column): (number | null)[] {
  const places = Math.ceil(bitsOf(10 ** (digits - 1) - 1) / BITS);
  const count = text.length / (2 + places);
  const found: (number | null)[] = [];
  for (let at = 0; at < count; at++) {
    const kind = text.charCodeAt(at);
    if (kind < FIRST) {
      found.push(kind === 32 ? null : 0);
      continue;
    }
    let rest = 0;
    for (let place = 0; place < places; place++) rest = rest * 32 + parseInt(text[(2 + place) * count + at] ?? "0", 32);
    const behind = digits > 1 ? `.${String(rest).padStart(digits - 1, "0")}` : "";
    found.push(Number(`${(kind - FIRST) % 2 ? "-" : ""}${text[count + at]}${behind}e${exponent - ((kind - FIRST) >> 1)}`));
  }
  return found;
}

function bitsOf(number: number): number {
  return number ? number.toString(2).length : 0;
}

/** Numbers and times as people read them. */

// Made once: a table has hundreds of numbers and times, and each of these takes as long as a hundred formats by it.
const NUMBERS = new Intl.NumberFormat("en");
const MOMENTS = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
const SIZES = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Bytes, in steps of 1000: `15.2 kB`. */
export function size(bytes: number): string {
  let place = 0;
  let amount = bytes;
  while (amount >= 999.5 && place < SIZES.length - 1) {
    amount /= 1000;
    place += 1;
  }
  return `${place && amount < 99.95 ? amount.toFixed(1) : Math.round(amount)} ${SIZES[place]}`;
}

/** `1 file`, `12,034 files`. */
export function many(count: number, what: string, plural = `${what}s`): string {
  return `${NUMBERS.format(count)} ${count === 1 ? what : plural}`;
}

const AGES: readonly [string, number][] = [["y", 365 * 86_400], ["d", 86_400], ["h", 3_600], ["min", 60]];

/** How long ago a moment was, in one unit: `3 d`; `now` for less than a minute. Times are in seconds since the epoch. */
export function ago(at: number, now = Date.now() / 1000): string {
  const seconds = now - at;
  const unit = AGES.find(([, length]) => seconds >= length);
  return unit ? `${Math.floor(seconds / unit[1])} ${unit[0]} ago` : "now";
}

/** A moment to the second, where this browser is. */
export function moment(at: number): string {
  const date = new Date(at * 1000);
  return Number.isNaN(date.getTime()) ? "" : MOMENTS.format(date);
}

/** A length of time in its two largest units: `3 d 4 h`, `2 min 5 s`, `0.48 s`. */
export function duration(seconds: number): string {
  if (!(seconds >= 0)) return "";
  if (seconds < 10) return `${Number(seconds.toPrecision(2))} s`;
  const whole = Math.round(seconds);
  const parts: [number, string][] = [[Math.floor(whole / 86_400), "d"], [Math.floor(whole / 3_600) % 24, "h"], [Math.floor(whole / 60) % 60, "min"], [whole % 60, "s"]];
  const first = parts.findIndex(([amount]) => amount);
  return parts.slice(first, first + 2).filter(([amount]) => amount).map(([amount, unit]) => `${amount} ${unit}`).join(" ");
}

/** A number with four digits that count: `0.003271`, `1.235e-7`, `12,350`. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return NUMBERS.format(value);
  const size = Math.abs(value);
  if (size && (size < 1e-4 || size >= 1e9)) return value.toExponential(3).replace(/\.?0+e/, "e");
  return size >= 1e4 ? NUMBERS.format(Math.round(value)) : String(Number(value.toPrecision(4)));
}

/** Any value of a config or summary, on one line. */
export function said(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return short(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

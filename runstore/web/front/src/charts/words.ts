/** Numbers along axes and in tooltips. */

const PREFIXES: readonly [number, string][] = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
/** Four digits are read as easily without a unit. */
const FIRST_K = 1e4;
/** With more digits behind the point, a number with a unit is harder to read than without. */
const MOST_OF_UNIT = 2;
const SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** 10 to the power of `exponent`, as people write it: 10⁻³. */
export function power(exponent: number): string {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPER[Number(digit)]).join("");
  return `10${exponent < 0 ? "⁻" : ""}${digits}`;
}

/** The labels of ticks that are `step` apart: 250k, 1.5M; 0.02; 2×10⁻⁵. */
export function ticks(values: readonly number[], step: number): string[] {
  const most = Math.max(...values.map(Math.abs), 0);
  if (most === 0) return values.map(String);
  if (most >= 1e15 || most < 1e-3) return values.map((value) => scientific(value, step));
  const [unit, name] = PREFIXES.find(([size]) => most >= (size === 1e3 ? FIRST_K : size)) ?? [1, ""];
  const digits = digitsOf(step / unit);
  if (digits > MOST_OF_UNIT && unit > 1) return values.map((value) => value.toLocaleString("en", { maximumFractionDigits: digitsOf(step) }));
  if (unit === 1 && digits === 0) return values.map((value) => value.toLocaleString("en"));
  return values.map((value) => (value === 0 ? "0" : trimmed((value / unit).toFixed(digits)) + name));
}

function scientific(value: number, step: number): string {
  if (value === 0) return "0";
  const exponent = Math.floor(Math.log10(Math.abs(value)) + 1e-9);
  const digits = Math.min(6, digitsOf(step / 10 ** exponent));
  const mantissa = (value / 10 ** exponent).toFixed(digits);
  const head = Number(mantissa) === 1 ? "" : Number(mantissa) === -1 ? "-" : `${trimmed(mantissa)}×`;
  return head + power(exponent);
}

/** How many digits behind the point it takes to write multiples of `step`, as of 0.25. */
function digitsOf(step: number): number {
  for (let digits = 0; digits < 12; digits++) {
    const whole = step * 10 ** digits;
    if (whole > 0.5 && Math.abs(whole - Math.round(whole)) < 1e-6 * whole) return digits;
  }
  return 12;
}

function trimmed(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A value with four digits that count: 0.003271, 1.235×10⁻⁷, 12,350. */
export function value4(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  const size = Math.abs(value);
  if (size && (size < 1e-3 || size >= 1e7)) {
    const [mantissa = "", exponent = "0"] = value.toExponential(3).split("e");
    return `${trimmed(mantissa)}×${power(Number(exponent))}`;
  }
  if (size >= 1e4) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(4)));
}

/** The length of a run in two units, without the rest: 1 d 4 h, 2 h 5 min, 3 min 20 s, 4.25 s. */
export function lasting(seconds: number): string {
  if (seconds < 0) return `-${lasting(-seconds)}`;
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  const units: [number, string][] = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
  const at = units.findIndex(([size]) => seconds >= size);
  const [size, name] = units[at] ?? [1, "s"];
  const [less, small] = units[at + 1] ?? [1, "s"];
  const whole = Math.floor(seconds / size);
  const rest = Math.floor((seconds - whole * size) / less);
  return rest ? `${whole} ${name} ${rest} ${small}` : `${whole} ${name}`;
}

/** Labels of times of day that are `step` seconds apart; a new day is named. */
export function times(values: readonly number[], step: number): string[] {
  let day = "";
  return values.map((value) => {
    const date = new Date(value * 1000);
    const today = date.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...(step >= 20 * 86_400 ? { year: "numeric" } : {}) });
    if (step >= 86_400) return today;
    const clock = date.toLocaleTimeString("en-GB", step < 60 ? {} : { hour: "2-digit", minute: "2-digit" }) + (step < 1 ? String((value % 1).toFixed(3)).slice(1) : "");
    const label = today === day ? clock : `${clock}\n${today}`;
    day = today;
    return label;
  });
}

/** One column as an axis: where a value lies on it, from 0 to 1, and what is written beside it. */
import { short } from "../parts/words";
import type { Value } from "./types";

export interface Tick {
  at: number;
  text: string;
}

export interface Axis {
  name: string;
  kind: "number" | "category";
  isLog: boolean;
  /** Of an axis of numbers its ends. */
  low: number;
  high: number;
  /** Of the others their values as texts, from bottom to top. */
  categories: readonly string[];
  ticks: readonly Tick[];
  /** Undefined for what has no place: no value, NaN, 0 on an axis by powers of ten. */
  place: (value: Value | undefined) => number | undefined;
  /** The number at a place. */
  numberAt: (place: number) => number;
}

const NAMED = new Set(["NaN", "Infinity", "-Infinity"]);
const WIDE = 300; // an axis of positive numbers that span more is one of powers of ten
const ENDS = 0.04; // room beyond the first and the last of the categories

/** The name of a column without the tree that it is in, as people write it. */
export function plain(name: string): string {
  return name.replace(/^(config|summary)\./, "");
}

export function axisOf(name: string, values: readonly Value[], isLog?: boolean): Axis {
  const given = values.filter((value) => value !== null);
  const numbers = given.filter((value): value is number => typeof value === "number");
  const isNumber = numbers.length > 0 && given.every((value) => typeof value === "number" || NAMED.has(String(value)));
  return isNumber ? numberAxis(name, numbers, isLog) : categoryAxis(name, given.map(String));
}

function numberAxis(name: string, numbers: readonly number[], asked: boolean | undefined): Axis {
  let low = Infinity;
  let high = -Infinity;
  for (const number of numbers) {
    low = Math.min(low, number);
    high = Math.max(high, number);
  }
  const isLog = low > 0 && (asked ?? high / low >= WIDE);
  if (low === high) [low, high] = isLog ? [low / 2, high * 2] : [low - (Math.abs(low) / 2 || 0.5), high + (Math.abs(high) / 2 || 0.5)];
  const to = isLog ? Math.log10 : (value: number) => value;
  const back = isLog ? (value: number) => 10 ** value : (value: number) => value;
  const [from, width] = [to(low), to(high) - to(low)];
  const place = (value: Value | undefined) =>
    typeof value === "number" && !(isLog && value <= 0) ? (to(value) - from) / width : undefined;
  const shown = isLog ? powers(low, high) : rounds(low, high);
  const ticks = shown.map((value) => ({ at: place(value) ?? 0, text: short(value) }));
  return { name, kind: "number", isLog, low, high, categories: [], ticks, place, numberAt: (at) => back(from + at * width) };
}

function categoryAxis(name: string, texts: readonly string[]): Axis {
  const categories = [...new Set(texts)].sort((a, b) => (a < b ? 1 : -1));
  const places = new Map(categories.map((text, at) => [text, categories.length < 2 ? 0.5 : ENDS + ((1 - 2 * ENDS) * at) / (categories.length - 1)]));
  const every = Math.ceil(categories.length / 24);
  const ticks = categories.filter((_, at) => at % every === 0).map((text) => ({ at: places.get(text) ?? 0, text }));
  const place = (value: Value | undefined) => (value === null || value === undefined ? undefined : places.get(String(value)));
  return { name, kind: "category", isLog: false, low: 0, high: 1, categories, ticks, place, numberAt: (at) => at };
}

/** Round numbers between two, some five of them. */
export function rounds(low: number, high: number, wanted = 5): number[] {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough * 0.999) ?? rough;
  const found: number[] = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) found.push(Number((at * step).toPrecision(12)));
  return found;
}

/** Powers of ten between two numbers; where there are few, their doubles and fives too. */
function powers(low: number, high: number): number[] {
  const from = Math.floor(Math.log10(low));
  const to = Math.ceil(Math.log10(high));
  const times = to - from <= 3 ? [1, 2, 5] : [1];
  const found: number[] = [];
  for (let power = from; power <= to; power += 1) for (const one of times) found.push(Number((one * 10 ** power).toPrecision(3)));
  const inside = found.filter((value) => value >= low * 0.999 && value <= high * 1.001);
  const every = Math.ceil(inside.length / 9);
  return inside.filter((_, at) => at % every === 0);
}

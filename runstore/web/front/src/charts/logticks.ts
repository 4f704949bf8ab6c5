/** Marks along a logarithmic axis. */
import { power, value4 } from "./words";

/** More marks than these are too many. */
const MOST = 7;

/** Powers of ten; where there are few of these, twice and five times them too; round numbers where there is none. */
export function logSplits(low: number, high: number): number[] {
  if (!(low > 0) || !(high > low)) return [];
  const decades = Math.log10(high / low);
  if (decades < 1) return marks(low, high, 4);
  const every = Math.max(1, Math.ceil(decades / MOST));
  const heads = decades < 2.5 ? [1, 2, 5] : [1];
  const found: number[] = [];
  const first = Math.floor(Math.log10(low) / every) * every;
  for (let exponent = first; exponent <= Math.log10(high); exponent += every)
    for (const head of heads) found.push(Number(`${head}e${exponent}`));
  return found.filter((value) => value >= low && value <= high);
}

/** Labels of these: numbers near one as they are, others as powers of ten. */
export function logTicks(values: readonly number[]): string[] {
  return values.map((value) => {
    const exponent = Math.round(Math.log10(value));
    const isPower = Math.abs(Math.log10(value) - exponent) < 1e-9;
    return isPower && (exponent < -2 || exponent > 3) ? power(exponent) : value4(value);
  });
}

/** Round numbers from `low` to `high`, at most so many; or multiples of the first of `spans` that is large enough. */
export function marks(low: number, high: number, most: number, spans?: readonly number[]): number[] {
  const least = (high - low) / most;
  if (!(least > 0)) return [low];
  const unit = 10 ** Math.floor(Math.log10(least));
  const step = spans?.find((one) => one >= least) ?? [1, 2, 5, 10].map((head) => head * unit).find((one) => one >= least) ?? least;
  const found: number[] = [];
  for (let at = Math.ceil(low / step); at * step <= high; at++) found.push(Number((at * step).toPrecision(12)));
  return found;
}

/** A chart's cursor by keys, for who has no pointer, or doesn't see it. */
import type { Range } from "./ranges";

const FAR = 10;

interface Pressed {
  key: string;
  shiftKey: boolean;
}

/** The place in `x`, which rises, to which a key leads the cursor from its place `at`, within a range; undefined for other keys. */
export function placeAfter({ key, shiftKey }: Pressed, x: readonly number[], at: number | undefined, [low, high]: Range): number | undefined {
  const first = x.findIndex((one) => one >= low);
  const beyond = x.findIndex((one) => one > high);
  const last = (beyond < 0 ? x.length : beyond) - 1;
  if (first < 0 || last < first) return undefined;
  const by = shiftKey ? FAR : 1;
  const to = { ArrowRight: at === undefined ? first : at + by, ArrowLeft: at === undefined ? last : at - by, Home: first, End: last }[key];
  return to === undefined ? undefined : Math.max(first, Math.min(to, last));
}

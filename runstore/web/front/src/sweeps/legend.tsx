/** What the colours of runs mean. */
import { short } from "../parts/words";
import type { Axis } from "./axes";
import { colorOf, ramp } from "./ramp";
import { useDark } from "./surface";

const MOST = 8;
const STOPS = 9;

export function Legend({ axis }: { axis: Axis }) {
  const isDark = useDark();
  if (axis.kind === "number") {
    const stops = Array.from({ length: STOPS }, (_, at) => ramp(at / (STOPS - 1), isDark)).join(", ");
    return (
      <span class="legend">
        {short(axis.low)} <i class="bar" aria-hidden="true" style={{ background: `linear-gradient(to right in oklch, ${stops})` }} /> {short(axis.high)}
      </span>
    );
  }
  return (
    <span class="legend">
      {axis.categories.slice(0, MOST).map((text) => <span key={text}><i class="dot" aria-hidden="true" style={{ background: colorOf(axis, text, isDark) }} /> {text}</span>)}
      {axis.categories.length > MOST && <span class="quiet">and {axis.categories.length - MOST} more</span>}
    </span>
  );
}

/** The colour, and dashes, of a run's lines: a piece of such a line. */
import { useLineOf } from "./colors";

export function Swatch({ reference, isOn = true }: { reference: string; isOn?: boolean }) {
  const { color, dash } = useLineOf(reference);
  return (
    <svg class={`swatch ${isOn ? "on" : ""}`} viewBox="0 0 18 10" width="18" height="10" aria-hidden="true">
      <line x1="1" y1="5" x2="17" y2="5" style={{ stroke: color, strokeDasharray: dash.join(" ") }} />
    </svg>
  );
}

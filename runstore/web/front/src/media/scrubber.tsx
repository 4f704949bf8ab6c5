/** A slider over the steps that there are. */
import { useEffect, useRef, useState } from "preact/hooks";
import { placeOf } from "./steps";

interface ScrubberProps {
  /** In order; two or more. */
  steps: readonly number[];
  /** undefined for the last one, also when more come. */
  step: number | undefined;
  label: string;
  onStep: (step: number | undefined) => void;
}

/** Long enough that a slider that is drawn along asks for few values on its way. */
const SETTLES_MS = 120;

export function Scrubber({ steps, step, label, onStep }: ScrubberProps) {
  const last = steps.length - 1;
  const given = Math.max(placeOf(steps, step), 0);
  const [place, setPlace] = useState(given);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setPlace(given), [given]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const move = (next: number, settles = SETTLES_MS) => {
    const to = Math.min(Math.max(next, 0), last);
    setPlace(to);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onStep(to === last ? undefined : steps[to]), settles);
  };
  const shown = steps[place] ?? 0;
  return (
    <div class="media-scrubber">
      <button type="button" class="plain" aria-label={`${label}: the step before`} disabled={place <= 0} onClick={() => move(place - 1, 0)}>‹</button>
      <input
        type="range" min={0} max={last} value={place} aria-label={`${label}: step`} aria-valuetext={`step ${shown}`}
        onInput={(event) => move(Number(event.currentTarget.value))}
      />
      <button type="button" class="plain" aria-label={`${label}: the next step`} disabled={place >= last} onClick={() => move(place + 1, 0)}>›</button>
      <output>{shown.toLocaleString("en")}</output>
    </div>
  );
}

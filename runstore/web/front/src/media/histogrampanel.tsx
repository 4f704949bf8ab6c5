/** Histograms of a key: of each run all of them as a heat map, and below it the one at the step. */
import { lineOf } from "../parts/colors";
import { post } from "../shell/api";
import { useLoad } from "../shell/load";
import { adjust } from "../shell/router";
import { type Heat, HeatMap, HistogramView } from "./histogram";
import { usePaced } from "./paced";
import { type GivenProps, RunLine } from "./panel";
import type { Values } from "./types";
import { ViewOf } from "./view";

/** A heat map is asked for whole, so that of a run that is going on it comes less often than the newest value. */
const HEAT_EVERY_MS = 15_000;

export function HistogramPanel({ runs, refs, name, step, turn, alone }: GivenProps) {
  const heatTurn = usePaced(turn, HEAT_EVERY_MS);
  const heat = useLoad((signal) => post<{ maps: Record<string, Heat | null> }>("media/histograms", { refs, key: name }, signal), [refs, name, heatTurn]);
  const { data, error } = useLoad((signal) => post<{ values: Values }>("media/at", { refs, key: name, step }, signal), [refs, name, step, step === null ? turn : 0]);
  if (!data) return error ? <p class="error">{error}</p> : <div class="media-waiting" />;
  return (
    <div class={`media-cells${alone ? " alone" : ""}`}>
      {runs.map((run) => {
        const map = heat.data?.maps[run.ref];
        const value = data.values[run.ref];
        const color = lineOf(run.ref).color;
        return (
          <figure key={run.ref} class="media-cell">
            <RunLine run={run} step={value?.step} alone={alone} />
            {map && map.steps.length > 1 && <HeatMap heat={map} color={color} step={step} onStep={(next) => adjust({ mstep: String(next) })} />}
            {value?.kind === "histogram" && <HistogramView view={value} {...(map ? { low: map.low, high: map.high } : {})} color={color} />}
            {value && value.kind !== "histogram" && <ViewOf view={value} place={{ ref: run.ref, key: name, step: value.step }} />}
            {!value && <p class="quiet">Nothing at this step, or before it.</p>}
          </figure>
        );
      })}
    </div>
  );
}

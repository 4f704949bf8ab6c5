/** A custom chart, drawn here from its table: `wandb.plot`'s presets; of other definitions the table is shown. */
import { useState } from "preact/hooks";
import { lineOf } from "../parts/colors";
import { post } from "../shell/api";
import { useLoad } from "../shell/load";
import type { GivenProps } from "./panel";
import { ChartTables } from "./charttables";
import { Drawn } from "./presets/drawn";
import { type ChartAnswer, drawingOf } from "./presets/presets";

export function Chart(given: GivenProps) {
  const { runs, refs, name, step, turn } = given;
  const [asTable, setAsTable] = useState(false);
  const { data, error } = useLoad((signal) => post<ChartAnswer>("media/chart", { refs, key: name, step }, signal), [refs, name, step, step === null ? turn : 0]);
  if (!data) return error ? <p class="error">{error}</p> : <div class="media-waiting" />;
  const answers = Object.values(data.runs);
  const troubles = [...new Set(answers.flatMap((one) => (one.error ? [one.error] : [])))];
  const said = troubles.map((trouble) => <p key={trouble} class="quiet">{trouble}</p>);
  // Before the step at which it was logged first there is nothing to draw, and no table either.
  if (answers.length && answers.every((one) => one.error)) return <>{said}</>;
  const drawings = drawingOf(data, runs.map((run) => ({ ...run, ...lineOf(run.ref) })));
  return (
    <>
      {said}
      {drawings.length && !asTable ? drawings.map((drawing, place) => <Drawn key={place} drawing={drawing} />) : <ChartTables {...given} />}
      {drawings.length
        ? <button type="button" class="plain" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>{asTable ? "As a chart" : "As a table"}</button>
        : <p class="quiet">Of the definition {data.definition}, which is not drawn here.</p>}
    </>
  );
}

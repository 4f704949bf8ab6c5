/** The plots of many runs: parallel coordinates or a scatter plot, and the table of the runs that are inside. */
import { useMemo, useState } from "preact/hooks";
import { many } from "../parts/words";
import { type Axis, axisOf, plain } from "./axes";
import { type Brush, chosen, withBrush } from "./brushes";
import { ColumnPicker, type Known } from "./picker";
import { Legend } from "./legend";
import { ParallelPlot } from "./parallel";
import { ScatterPlot } from "./scatter";
import { Ranges } from "./rangeboxes";
import { SweepTable } from "./table";
import type { Sweep } from "./types";
import { changeSweep, type SweepView } from "./view";

export function SweepPlots({ sweep, view, known }: { sweep: Sweep; view: SweepView; known: Known }) {
  const [pointed, setPointed] = useState<number>();
  const axes = useMemo(
    () => sweep.columns.map((name, at) => axisOf(name, sweep.values[at] ?? [], view.scales[name])),
    [sweep, JSON.stringify(view.scales)],
  );
  const inside = useMemo(() => chosen(sweep, view.brushes), [sweep, JSON.stringify(view.brushes)]);
  const named = (name: string) => axes.find((axis) => axis.name === name);
  const color = named(view.color) ?? axes.at(-1);
  const brush = (changes: Record<string, Brush | undefined>) =>
    changeSweep({ brushes: Object.entries(changes).reduce((all, [name, one]) => withBrush(all, name, one), view.brushes) });
  const x = named(view.x) ?? axes.find((axis) => axis.name.startsWith("config.")) ?? axes[0];
  const y = named(view.y) ?? axes.at(-1);
  if (!sweep.refs.length) return <p class="nothing">No run fulfils the filter.</p>;
  if (!axes.length) return <><ColumnPicker known={known} columns={sweep.columns} /><p class="nothing">The runs differ in nothing that could be drawn: choose columns.</p></>;
  const shared = { sweep, color, inside, brushes: view.brushes, pointed, onPoint: setPointed };
  return (
    <>
      <div class="tools">
        <ColumnPicker known={known} columns={sweep.columns} />
        {view.kind === "scatter" && x && y && (
          <>
            <Choice label="x" axes={axes} chosen={x} onChoose={(name) => changeSweep({ x: name })} />
            <Choice label="y" axes={axes} chosen={y} onChoose={(name) => changeSweep({ y: name })} />
          </>
        )}
        <Choice label="Colour" axes={axes} chosen={color} onChoose={(name) => changeSweep({ color: name })} />
        {color && <Legend axis={color} />}
      </div>
      {view.kind === "scatter" && x && y ? (
        <ScatterPlot {...shared} x={x} y={y} onBrush={brush} />
      ) : (
        <ParallelPlot
          {...shared} axes={axes}
          onBrush={(name, one) => brush({ [name]: one })}
          onMove={(name, by) => changeSweep({ columns: moved(sweep.columns, name, by) })}
        />
      )}
      <Pointed sweep={sweep} run={pointed} />
      <Ranges axes={axes} view={view} onBrush={(name, one) => brush({ [name]: one })} />
      <div class="tools">
        <span role="status">{inside.size === sweep.refs.length ? many(sweep.refs.length, "run") : `${inside.size.toLocaleString("en")} of ${many(sweep.refs.length, "run")} inside the ranges`}</span>
        {sweep.total > sweep.refs.length && <span class="quiet">the newest of {sweep.total.toLocaleString("en")}</span>}
        {Object.keys(view.brushes).length > 0 && <button type="button" class="press" onClick={() => changeSweep({ brushes: {} })}>Take all ranges away</button>}
      </div>
      <SweepTable sweep={sweep} axes={axes} inside={inside} color={color} pointed={pointed} onPoint={setPointed} />
    </>
  );
}

function Choice({ label, axes, chosen: now, onChoose }: { label: string; axes: readonly Axis[]; chosen: Axis | undefined; onChoose: (name: string) => void }) {
  return (
    <label>
      {label}
      <select aria-label={label} value={now?.name ?? ""} onChange={(event) => onChoose(event.currentTarget.value)}>
        {axes.map((axis) => <option key={axis.name} value={axis.name}>{plain(axis.name)}</option>)}
      </select>
    </label>
  );
}

/** The run under the pointer, in words. */
function Pointed({ sweep, run }: { sweep: Sweep; run: number | undefined }) {
  return (
    <p class="pointed quiet">
      {run === undefined ? "Point at a run to see its values; draw a range to choose runs." : <><b>{sweep.names[run]}</b>{sweep.columns.map((name, at) => <span key={name}> {plain(name)} <b>{String(sweep.values[at]?.[run] ?? "–")}</b></span>)}</>}
    </p>
  );
}

/** The list with one of its items `by` places further on. */
export function moved(list: readonly string[], one: string, by: number): string[] {
  const others = list.filter((name) => name !== one);
  const at = Math.min(others.length, Math.max(0, list.indexOf(one) + by));
  return [...others.slice(0, at), one, ...others.slice(at)];
}

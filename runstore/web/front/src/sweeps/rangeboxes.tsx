/** The ranges of the axes as numbers to type: what the pointer draws, for whoever has none, or wants them exactly. */
import { type Axis, plain } from "./axes";
import type { Brush } from "./brushes";
import { changeSweep, type SweepView } from "./view";

export function Ranges({ axes, view, onBrush }: { axes: readonly Axis[]; view: SweepView; onBrush: (name: string, brush: Brush | undefined) => void }) {
  return (
    <details class="beside">
      <summary>Ranges and scales</summary>
      <div class="ranges">
        {axes.map((axis) => (
          <fieldset key={axis.name}>
            <legend title={axis.name}>{plain(axis.name)}</legend>
            {axis.kind === "number" ? <Numbers axis={axis} brush={view.brushes[axis.name]} onBrush={onBrush} /> : <Texts axis={axis} brush={view.brushes[axis.name]} onBrush={onBrush} />}
            {axis.kind === "number" && axis.low > 0 && (
              <label><input type="checkbox" checked={axis.isLog} onChange={(event) => changeSweep({ scales: { ...view.scales, [axis.name]: event.currentTarget.checked } })} /> powers of ten</label>
            )}
          </fieldset>
        ))}
      </div>
    </details>
  );
}

interface OneProps {
  axis: Axis;
  brush: Brush | undefined;
  onBrush: (name: string, brush: Brush | undefined) => void;
}

function Numbers({ axis, brush, onBrush }: OneProps) {
  const [low, high] = brush && "low" in brush ? [brush.low, brush.high] : [undefined, undefined];
  const set = (one: string, other: string) => {
    const [from, to] = [one === "" ? axis.low : Number(one), other === "" ? axis.high : Number(other)];
    onBrush(axis.name, (one === "" && other === "") || Number.isNaN(from + to) ? undefined : { low: from, high: to });
  };
  const name = plain(axis.name);
  return (
    <span>
      <input type="text" inputMode="decimal" aria-label={`${name} from`} placeholder={String(axis.low)} value={low ?? ""} onChange={(event) => set(event.currentTarget.value, String(high ?? ""))} />
      {" to "}
      <input type="text" inputMode="decimal" aria-label={`${name} to`} placeholder={String(axis.high)} value={high ?? ""} onChange={(event) => set(String(low ?? ""), event.currentTarget.value)} />
    </span>
  );
}

function Texts({ axis, brush, onBrush }: OneProps) {
  const texts = brush && "texts" in brush ? brush.texts : [];
  const toggle = (text: string) => {
    const next = texts.includes(text) ? texts.filter((one) => one !== text) : [...texts, text];
    onBrush(axis.name, next.length ? { texts: next } : undefined);
  };
  return (
    <span class="texts">
      {[...axis.categories].reverse().slice(0, 40).map((text) => (
        <label key={text}><input type="checkbox" checked={texts.includes(text)} onChange={() => toggle(text)} /> {text}</label>
      ))}
    </span>
  );
}

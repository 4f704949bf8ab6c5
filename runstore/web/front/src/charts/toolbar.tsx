/** How all charts are looked at. */
import { useEffect, useRef, useState } from "preact/hooks";
import { nameOf, placeInWords, RELATIVE, STEP, WALL } from "./axes";
import { type ChartView, look, toggled } from "./view";

interface ToolbarProps {
  view: ChartView;
  keys: readonly string[];
  /** Charts are over time, whatever is chosen. */
  isTime: boolean;
}

const TYPING_MS = 200;
const MOST_AXES = 300;

export function Toolbar({ view, keys, isTime }: ToolbarProps) {
  const axes = keys.filter((key) => !key.startsWith("_")).slice(0, MOST_AXES);
  const known = ["", STEP, RELATIVE, WALL, ...axes];
  return (
    <div class="tools chartbar" role="toolbar" aria-label="Charts">
      <Later label="Find metrics" value={view.find} onValue={(find) => look({ find })} />
      <label>
        x axis{" "}
        <select value={isTime && view.x !== WALL ? RELATIVE : view.x} onChange={(event) => look({ x: event.currentTarget.value, zoom: undefined })}>
          {!isTime && <option value="">as defined, else step</option>}
          {!isTime && <option value={STEP}>step</option>}
          <option value={RELATIVE}>time since the start</option>
          <option value={WALL}>time of day</option>
          {!isTime && !known.includes(view.x) && <option value={view.x}>{view.x}</option>}
          {!isTime && axes.length > 0 && <optgroup label="Metrics">{axes.map((key) => <option key={key} value={key}>{key}</option>)}</optgroup>}
        </select>
      </label>
      <Smoothing value={view.smooth} />
      <Switch isOn={view.log.includes("*")} onSwitch={() => look({ log: toggled(view.log, "*") })} title="Logarithmic y axes">log y</Switch>
      <Switch isOn={view.robust} onSwitch={() => look({ robust: !view.robust })} title="The highest and the lowest 1 % don't count for the range of the y axis">cut outliers</Switch>
      <Switch isOn={view.shared} onSwitch={() => look({ shared: !view.shared })} title="The charts of a section have one y range">same y range</Switch>
      {view.zoom && (
        <button type="button" class="press" onClick={() => look({ zoom: undefined })} title="Show all (z)">
          {placeInWords(view.zoom.x, view.zoom.min, 1)} – {placeInWords(view.zoom.x, view.zoom.max, 1).replace(/^(step|after) /, "")} <span aria-hidden="true">×</span>
          <span class="unseen">, show all of {nameOf(view.zoom.x)}</span>
        </button>
      )}
    </div>
  );
}

function Switch({ isOn, onSwitch, title, children }: { isOn: boolean; onSwitch: () => void; title: string; children: string }) {
  return <button type="button" class="press" aria-pressed={isOn} title={title} onClick={onSwitch}>{children}</button>;
}

function Smoothing({ value }: { value: number }) {
  const [shown, setShown] = useLater(value, (smooth) => look({ smooth }), 80);
  return (
    <label title="Exponential moving average, as TensorBoard's: the weight of what came before, for each point">
      smoothing <input type="range" min="0" max="0.999" step="0.001" value={place(shown)} onInput={(event) => setShown(weight(Number(event.currentTarget.value)))} aria-valuetext={shown.toFixed(3)} />
      <output class="amount">{shown ? shown.toFixed(shown > 0.99 ? 3 : 2) : "off"}</output>
    </label>
  );
}

/** Weights near 1 make all the difference: half of the slider is for those above 0.9. */
function weight(at: number): number {
  return at <= 0 ? 0 : Math.min(0.999, Number((1 - 10 ** (-3 * at)).toFixed(3)));
}

function place(value: number): number {
  return value <= 0 ? 0 : -Math.log10(1 - value) / 3;
}

function Later({ label, value, onValue }: { label: string; value: string; onValue: (value: string) => void }) {
  const [shown, setShown] = useLater(value, onValue, TYPING_MS);
  return <input type="search" aria-label={label} placeholder={label} value={shown} onInput={(event) => setShown(event.currentTarget.value)} />;
}

/** What is typed shows at once, and counts a moment later. */
function useLater<T>(value: T, onValue: (value: T) => void, pause: number): [T, (value: T) => void] {
  const [typed, setTyped] = useState<{ value: T }>();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setTyped(undefined), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const set = (next: T) => {
    setTyped({ value: next });
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onValue(next), pause);
  };
  return [typed ? typed.value : value, set];
}

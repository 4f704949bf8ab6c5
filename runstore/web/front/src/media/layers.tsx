/** The classes of the masks and boxes of a panel, each with a switch. */
import { type ComponentChildren, createContext } from "preact";
import { useMemo, useState } from "preact/hooks";
import { classColor, className, classPlace, type Hidden } from "./classes";
import type { Picture } from "./types";

export interface Layer {
  name: string;
  kind: "mask" | "boxes";
  /** Ids of classes that are named, or occur in boxes. */
  ids: (number | null)[];
  classes: Record<string, string>;
}

/** The layers of all pictures of a panel, those of one name together. */
export function layersOf(pictures: readonly Picture[]): Layer[] {
  const found = new Map<string, Layer>();
  const add = (name: string, kind: Layer["kind"], ids: readonly (number | null)[], classes: Record<string, string>) => {
    const layer = found.get(name) ?? { name, kind, ids: [], classes: {} };
    layer.classes = { ...layer.classes, ...classes };
    layer.ids = [...new Set([...layer.ids, ...ids])].sort((a, b) => (a ?? -1) - (b ?? -1));
    found.set(name, layer);
  };
  for (const picture of pictures) {
    for (const mask of picture.masks ?? []) add(mask.name, "mask", Object.keys(mask.classes).map(Number).filter(Number.isInteger), mask.classes);
    for (const layer of picture.boxes ?? []) add(layer.name, "boxes", layer.boxes.map((box) => box.id), layer.classes);
  }
  return [...found.values()];
}

/** What is hidden at first: class 0 of masks where it is what is left over, since it has no name, or one that says so. */
export function groundsOf(layers: readonly Layer[]): Hidden {
  const grounds = layers.filter(({ kind, classes }) => kind === "mask" && /^(class_0|background|bg|none|void|unlabel|ignore)/i.test(classes["0"] ?? "background"));
  return new Set(grounds.map(({ name }) => classPlace(name, 0)));
}

/** How what lies over pictures looks; outside of a panel, as in the cells of a table, all of it is shown. */
export const Looks = createContext<{ hidden: Hidden; opacity: number }>({ hidden: new Set(), opacity: 0.6 });

/** Pictures of one panel, of all its runs, with the switches of their layers below. */
export function WithLayers({ pictures, children }: { pictures: readonly Picture[]; children: ComponentChildren }) {
  const layers = layersOf(pictures);
  const [chosen, setChosen] = useState<Hidden>();
  const [opacity, setOpacity] = useState(0.6);
  const hidden = chosen ?? groundsOf(layers);
  const looks = useMemo(() => ({ hidden, opacity }), [[...hidden].join(), opacity]);
  return (
    <Looks.Provider value={looks}>
      {children}
      <Layers layers={layers} hidden={hidden} onHide={setChosen} opacity={opacity} onOpacity={setOpacity} />
    </Looks.Provider>
  );
}

interface LayersProps {
  layers: readonly Layer[];
  hidden: Hidden;
  onHide: (hidden: Hidden) => void;
  opacity: number;
  onOpacity: (opacity: number) => void;
}

function Layers({ layers, hidden, onHide, opacity, onOpacity }: LayersProps) {
  if (!layers.length) return null;
  const turn = (what: string) => {
    const next = new Set(hidden);
    if (!next.delete(what)) next.add(what);
    onHide(next);
  };
  return (
    <div class="media-layers">
      {layers.map((layer) => (
        <div key={layer.name} role="group" aria-label={`${layer.kind} ${layer.name}`}>
          <Switch isOn={!hidden.has(layer.name)} onTurn={() => turn(layer.name)}><b>{layer.name}</b></Switch>
          {layer.ids.map((id) => (
            <Switch key={String(id)} isOn={!hidden.has(classPlace(layer.name, id))} isOff={hidden.has(layer.name)} color={classColor(id)} onTurn={() => turn(classPlace(layer.name, id))}>
              {className(layer.classes, id) || "no class"}
            </Switch>
          ))}
        </div>
      ))}
      {layers.some((layer) => layer.kind === "mask") && (
        <label class="media-opacity">
          Masks <input type="range" min={0} max={1} step={0.05} value={opacity} aria-label="Opacity of masks" onInput={(event) => onOpacity(Number(event.currentTarget.value))} />
        </label>
      )}
    </div>
  );
}

interface SwitchProps {
  isOn: boolean;
  /** The whole layer is off. */
  isOff?: boolean;
  color?: string;
  onTurn: () => void;
  children: ComponentChildren;
}

function Switch({ isOn, isOff = false, color, onTurn, children }: SwitchProps) {
  return (
    <button type="button" class="media-switch" aria-pressed={isOn} disabled={isOff} onClick={onTurn}>
      {color && <span class="media-swatch" style={{ background: isOn && !isOff ? color : "transparent", borderColor: color }} />}
      {children}
    </button>
  );
}

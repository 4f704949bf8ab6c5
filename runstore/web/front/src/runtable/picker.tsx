/** Which columns the table shows, in which order: those chosen to the right, all others to the left. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Dialog } from "../parts/dialog";
import type { ProjectKeys } from "./completing";
import { useKeysOf } from "./keys";
import "../style/picker.css";

interface PickerProps {
  project: string;
  columns: readonly string[];
  onColumns: (columns: readonly string[] | undefined) => void;
  onClose: () => void;
}

const MOST_LISTED = 300;

interface Offer {
  name: string;
  where: string;
  runs: number | undefined;
}

export default function ColumnPicker({ project, columns, onColumns, onClose }: PickerProps) {
  const [wanted, setWanted] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const keys = useKeysOf(project, true);
  const offers = useMemo(() => (keys ? offersOf(keys) : []), [keys]);
  const shown = offers.filter((offer) => !columns.includes(offer.name) && offer.name.toLowerCase().includes(wanted.toLowerCase()));
  const move = (place: number, by: number) => {
    const next = [...columns];
    const [one] = next.splice(place, 1);
    if (one !== undefined) next.splice(place + by, 0, one);
    onColumns(next);
  };
  return (
    <Dialog title="Columns" onClose={onClose}>
      <div class="picker">
        <section>
          <input
            class="field" ref={field} type="search" placeholder="Find a key" aria-label="Find a key" value={wanted}
            onInput={(event) => setWanted(event.currentTarget.value)}
            onKeyDown={(event) => event.key === "Enter" && shown[0] && onColumns([...columns, shown[0].name])}
          />
          {!keys && <p class="quiet">…</p>}
          <ul>
            {shown.slice(0, MOST_LISTED).map((offer) => (
              <li key={offer.name}>
                <button type="button" title={`Show ${offer.name}`} onClick={() => onColumns([...columns, offer.name])}>
                  <span>{offer.name.replace(/^(config|summary)\./, "")}</span>
                  <small>{offer.where}{offer.runs === undefined ? "" : ` · ${offer.runs}`}</small>
                </button>
              </li>
            ))}
          </ul>
          {shown.length > MOST_LISTED && <p class="quiet">{shown.length - MOST_LISTED} more: type a part of the name</p>}
          {keys && shown.length === 0 && <p class="quiet">No key has this in its name.</p>}
        </section>
        <section>
          <div class="headline">
            <span class="quiet">{columns.length} shown</span>
            <button type="button" class="plain" onClick={() => onColumns(undefined)}>As at first</button>
          </div>
          <ol>
            {columns.map((name, place) => (
              <li key={name}>
                <span title={name}>{name.replace(/^(config|summary)\./, "")}</span>
                <button type="button" class="plain" disabled={place === 0} aria-label={`Move ${name} up`} onClick={() => move(place, -1)}>↑</button>
                <button type="button" class="plain" disabled={place === columns.length - 1} aria-label={`Move ${name} down`} onClick={() => move(place, 1)}>↓</button>
                <button type="button" class="plain" aria-label={`Hide ${name}`} onClick={() => onColumns(columns.filter((one) => one !== name))}>×</button>
              </li>
            ))}
          </ol>
        </section>
      </div>
    </Dialog>
  );
}

/** All columns there are; fields that every row shows anyhow are left out. */
function offersOf(keys: ProjectKeys): Offer[] {
  const part = (where: "config" | "summary") =>
    keys[where].keys.map((key, at) => ({ name: `${where}.${key}`, where, runs: keys[where].runs[at] }));
  const fields = keys.fields.filter((name) => name !== "name").map((name) => ({ name, where: "run", runs: undefined }));
  return [...part("config"), ...part("summary"), ...fields];
}

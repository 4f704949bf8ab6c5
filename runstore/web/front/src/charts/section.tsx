/** The charts of one section, under a head that opens and shuts it. */
import { useCallback, useState } from "preact/hooks";
import { memo } from "../parts/memo";
import { Card } from "./card";
import { joined, type Range } from "./ranges";
import type { ChartRun, Source } from "./types";
import { type ChartView, look, toggled } from "./view";

interface SectionProps {
  name: string;
  keys: readonly string[];
  isOpen: boolean;
  isShutFirst: boolean;
  runs: readonly ChartRun[];
  source?: Source | undefined;
  view: ChartView;
  pins: readonly string[];
  onPin: (name: string) => void;
}

/** A section of thousands of metrics shows so many charts at first. */
const AT_FIRST = 48;

export const SectionOfCharts = memo(function SectionOfCharts({ name, keys, isOpen, isShutFirst, runs, source, view, pins, onPin }: SectionProps) {
  const [showsAll, setShowsAll] = useState(false);
  const [extents, setExtents] = useState<ReadonlyMap<string, Range | undefined>>(new Map());
  const onExtent = useCallback((key: string, range: Range | undefined) => setExtents((old) => new Map(old).set(key, range)), []);
  const toggle = () => (isShutFirst ? look({ open: toggled(view.open, name) }) : look({ shut: toggled(view.shut, name) }));
  const shown = showsAll ? keys : keys.slice(0, AT_FIRST);
  const range = view.shared ? joined(keys.map((key) => extents.get(key))) : undefined;
  return (
    <section class="chartsection">
      <h2>
        <button type="button" class="plain" aria-expanded={isOpen} onClick={toggle}>
          <span class="turn" aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {name} <span class="count">{keys.length}</span>
        </button>
      </h2>
      {isOpen && (
        <>
          <div class="cards">
            {shown.map((key) => (
              <Card key={key} name={key} runs={runs} source={source} view={view} range={range} onExtent={onExtent} isPinned={pins.includes(key)} onPin={onPin} />
            ))}
          </div>
          {shown.length < keys.length && (
            <button type="button" class="press" onClick={() => setShowsAll(true)}>Show all {keys.length.toLocaleString("en")}</button>
          )}
        </>
      )}
    </section>
  );
});

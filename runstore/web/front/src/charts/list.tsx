/** Charts in their sections under one bar, whatever their lines are of. */
import { useMemo } from "preact/hooks";
import { useKeys } from "../shell/keys";
import { lazy } from "../shell/lazy";
import { Card } from "./card";
import { Legend } from "./legend";
import { usePins } from "./pins";
import { SectionOfCharts } from "./section";
import type { Section } from "./sections";
import { Toolbar } from "./toolbar";
import type { ChartRun, Source } from "./types";
import { type ChartView, finds, look, toggled } from "./view";

const Window = lazy(async () => ({ default: (await import("../parts/dialog")).Dialog }));

interface ListProps {
  /** Names of all charts; undefined while they are not known. */
  keys: readonly string[] | undefined;
  sections: (keys: readonly string[]) => Section[];
  runs: readonly ChartRun[];
  source?: Source;
  view: ChartView;
  /** What pinned charts are kept for. */
  place: string;
  /** Of how many runs the lines are some; undefined: nothing is said. */
  total?: number | undefined;
  /** The list of lines is left out where there is room for the page's own table beside the charts. */
  hidesLegend?: boolean;
  /** Said where there is no chart at all. */
  nothing: string;
}

const SMOOTHS = [0, 0.6, 0.9, 0.97, 0.99, 0.997];

export function ChartList({ keys, sections, runs, source, view, place, total, hidesLegend = false, nothing }: ListProps) {
  const [pins, onPin] = usePins(place);
  useKeys([
    { keys: "l", says: "Logarithmic y axes", where: "Charts", run: () => look({ log: toggled(view.log, "*") }) },
    { keys: "z", says: "Zoom out: show all of x", where: "Charts", run: () => look({ zoom: undefined }) },
    { keys: "s", says: "Smooth more; after the most, not at all", where: "Charts", run: () => look({ smooth: SMOOTHS.find((one) => one > view.smooth + 1e-9) ?? 0 }) },
    { keys: "o", says: "Cut outliers, or don't", where: "Charts", run: () => look({ robust: !view.robust }) },
    { keys: "← →", says: "On a chart that has the focus: along it; with shift ten places", where: "Charts" },
    { keys: "Home End", says: "There: to its first place, to its last one", where: "Charts" },
  ]);
  const found = useMemo(() => keys?.filter((key) => finds(view.find, key)), [keys, view.find]);
  const heads = useMemo(() => sections(found ?? []), [found]);
  const pinned = useMemo(() => pins.filter((key) => found?.includes(key)), [pins, found]);
  const common = { runs, source, view, pins, onPin };
  return (
    <div class="allcharts">
      <Toolbar view={view} keys={keys ?? []} isTime={source?.system !== undefined} />
      {runs.length > 1 && <Legend runs={runs} total={total} isOfRuns={!source} isBesideTable={hidesLegend} />}
      {found && !found.length && <p class="empty">{keys?.length ? `No metric fits “${view.find}”.` : nothing}</p>}
      {pinned.length > 0 && <SectionOfCharts name="Pinned" keys={pinned} isShutFirst={false} isOpen={!view.shut.includes("Pinned")} {...common} />}
      {heads.map(({ name, keys: own, isShut }) => (
        <SectionOfCharts
          key={name} name={name} keys={own} isShutFirst={isShut} {...common}
          isOpen={isShut ? view.open.includes(name) || view.find !== "" : !view.shut.includes(name)}
        />
      ))}
      {view.large && keys?.includes(view.large) && (
        <Window title={view.large} kind="wide largechart" onClose={() => look({ large: "" })}>
          <Card name={view.large} runs={runs} source={source} view={view} isPinned={pins.includes(view.large)} onPin={onPin} isLarge />
          {runs.length > 1 && <Legend runs={runs} isOfRuns={!source} />}
        </Window>
      )}
    </div>
  );
}

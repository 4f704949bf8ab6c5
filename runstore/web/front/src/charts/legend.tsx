/** Which line is whose. */
import { colorAt } from "../parts/colors";
import { hovered } from "../parts/shownrun";
import { Swatch } from "../parts/swatch";
import { link } from "../shell/router";
import type { ChartRun } from "./types";

interface LegendProps {
  runs: readonly ChartRun[];
  total?: number | undefined;
  isOfRuns?: boolean;
  /** The page's table says the same where there is room for it beside the charts. */
  isBesideTable?: boolean;
}

export function Legend({ runs, total, isOfRuns = true, isBesideTable = false }: LegendProps) {
  return (
    <div class={isBesideTable ? "legend besidetable" : "legend"}>
      <ul aria-label="Lines">
        {runs.map(({ ref, name, color }) => (
          <li key={ref} onMouseEnter={() => hovered.set(ref)} onMouseLeave={() => hovered.set("")}>
            {color === undefined ? <Swatch reference={ref} /> : <i class="dot" style={{ background: colorAt(color) }} />} {isOfRuns ? <a href={link(`r/${ref}`)}>{name}</a> : <span>{name}</span>}
          </li>
        ))}
      </ul>
      {total !== undefined && total > runs.length && <p class="quiet">{runs.length} of {total.toLocaleString("en")} runs are drawn</p>}
    </div>
  );
}

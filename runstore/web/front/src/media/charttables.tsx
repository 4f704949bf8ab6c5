/** The tables behind a custom chart, a run at a time. */
import { type GivenProps, RunLine } from "./panel";
import { TableView } from "./table";

export function ChartTables({ runs, name, step, alone }: GivenProps) {
  return (
    <div class="media-cells alone">
      {runs.map((run) => (
        <figure key={run.ref} class="media-cell">
          <RunLine run={run} step={undefined} alone={alone} />
          <TableView key={`${name} ${step}`} place={{ ref: run.ref, key: name, step }} />
        </figure>
      ))}
    </div>
  );
}

/** Runs by the value of one column, with the mean and spread of metrics. */
import { link } from "../shell/router";
import { many, said, short } from "../parts/words";
import { plain } from "./axes";
import type { Group, Groups, Spread } from "./types";

export function GroupTable({ groups, project, filter }: { groups: Groups; project: string; filter: string }) {
  const ends = groups.metrics.map((_, at) => endsOf(groups.groups.map((group) => group.spreads[at])));
  if (!groups.runs) return <p class="nothing">No run fulfils the filter.</p>;
  return (
    <>
      <div class="wide">
        <table class="sheet groups">
          <thead>
            <tr>
              <th scope="col" title={groups.by}>{plain(groups.by)}</th>
              <th scope="col" class="number">Runs</th>
              {groups.metrics.map((metric) => <th key={metric} scope="col" title={metric}>{plain(metric)} <span class="quiet">mean ± std</span></th>)}
            </tr>
          </thead>
          <tbody>
            {groups.groups.map((group) => (
              <tr key={String(group.value)}>
                <td class="main">{group.value === null ? <span class="quiet">none</span> : <a href={link(`p/${project}`, { filter: narrowed(filter, groups.by, group) })}>{said(group.value)}</a>}</td>
                <td class="number">{group.count.toLocaleString("en")}{unsound(group)}</td>
                {group.spreads.map((spread, at) => <td key={groups.metrics[at]} class="short"><SpreadCell spread={spread} ends={ends[at]} /></td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {groups.total > groups.groups.length && <p class="quiet">The first {groups.groups.length} of {many(groups.total, "value")}: a column of fewer tells more.</p>}
    </>
  );
}

/** How many of a group did not end well. */
function unsound(group: Group) {
  const bad = (group.states["failed"] ?? 0) + (group.states["crashed"] ?? 0);
  return bad > 0 && <span class="error" title="failed or crashed"> ({bad} failed)</span>;
}

/** Mean and deviation as numbers, and as a mark on a line from the least to the largest of all groups. */
function SpreadCell({ spread, ends }: { spread: Spread; ends: [number, number] | undefined }) {
  const [count, mean, std, low, high, others] = spread;
  if (!count || mean === null || low === null || high === null || !ends) return <span class="quiet">–{others > 0 && ` (${many(others, "is", "are")} not finite)`}</span>;
  const at = (value: number) => (100 * (value - ends[0])) / (ends[1] - ends[0] || 1);
  const deviation = std ?? 0;
  const about = `${many(count, "run")}: from ${short(low)} to ${short(high)}${others ? `; ${others} more are not finite` : ""}`;
  return (
    <span class="spread" title={about}>
      <span>{short(mean)}{std !== null && <span class="quiet"> ± {short(Number(std.toPrecision(2)))}</span>}</span>
      <svg width="110" height="14" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
        <line class="reach" x1={at(low)} x2={at(high)} y1="7" y2="7" />
        <rect class="deviation" x={at(Math.max(low, mean - deviation))} width={Math.max(0, at(Math.min(high, mean + deviation)) - at(Math.max(low, mean - deviation)))} y="3" height="8" />
        <line class="mean" x1={at(mean)} x2={at(mean)} y1="1" y2="13" />
      </svg>
    </span>
  );
}

function endsOf(spreads: readonly (Spread | undefined)[]): [number, number] | undefined {
  const lows = spreads.flatMap((spread) => (spread?.[3] === null || spread === undefined ? [] : [spread[3]]));
  const highs = spreads.flatMap((spread) => (spread?.[4] === null || spread === undefined ? [] : [spread[4]]));
  return lows.length ? [Math.min(...lows), Math.max(...highs)] : undefined;
}

/** The filter for the runs of one group. */
export function narrowed(filter: string, by: string, group: Pick<Group, "value">): string {
  const value = typeof group.value === "string" ? `"${group.value.replace(/["\\]/g, "\\$&")}"` : String(group.value);
  return [filter, `${by}:${value}`].filter(Boolean).join(" ");
}

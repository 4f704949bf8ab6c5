/** The runs inside the ranges, ordered by one column. */
import { useState } from "preact/hooks";
import { link } from "../shell/router";
import { said } from "../parts/words";
import { type Axis, plain } from "./axes";
import { colorOf } from "./ramp";
import { useDark } from "./surface";
import type { Sweep, Value } from "./types";

const MOST = 200;

interface SweepTableProps {
  sweep: Sweep;
  axes: readonly Axis[];
  inside: ReadonlySet<number>;
  color: Axis | undefined;
  pointed: number | undefined;
  onPoint: (run: number | undefined) => void;
}

export function SweepTable({ sweep, axes, inside, color, pointed, onPoint }: SweepTableProps) {
  const isDark = useDark();
  const [sort, setSort] = useState<{ column: string; isDown: boolean }>({ column: "", isDown: true });
  const column = sort.column ? sweep.columns.indexOf(sort.column) : sweep.columns.length - 1;
  const runs = sorted([...inside], sweep.values[column] ?? [], sort.column ? sort.isDown : false).slice(0, MOST);
  const colors = color && sweep.values[sweep.columns.indexOf(color.name)];
  const press = (name: string) => setSort({ column: name, isDown: sort.column === name && !sort.isDown });
  return (
    <>
      <div class="wide">
        <table class="sheet">
          <thead>
            <tr>
              <th scope="col">Run</th>
              {axes.map((axis, at) => (
                <th key={axis.name} scope="col" class={axis.kind === "number" ? "number" : ""} aria-sort={at !== column ? "none" : sort.column && sort.isDown ? "descending" : "ascending"}>
                  <button type="button" title={axis.name} onClick={() => press(axis.name)}>{plain(axis.name)}{at === column && <span aria-hidden="true">{sort.column && sort.isDown ? " ↓" : " ↑"}</span>}</button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <tr key={sweep.refs[run]} class={run === pointed ? "chosen" : ""} onPointerEnter={() => onPoint(run)} onPointerLeave={() => onPoint(undefined)}>
                <td class="main short"><i class="dot" aria-hidden="true" style={{ background: colorOf(color, colors?.[run], isDark) }} /> <a href={link(`r/${sweep.refs[run]}`)}>{sweep.names[run]}</a></td>
                {axes.map((axis, at) => <td key={axis.name} class={axis.kind === "number" ? "number" : ""}>{said(sweep.values[at]?.[run])}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {inside.size > MOST && <p class="quiet">The first {MOST} of {inside.size.toLocaleString("en")}.</p>}
    </>
  );
}

/** Runs in order of their values: numbers, then texts; those without one last, whichever way. */
export function sorted(runs: readonly number[], values: readonly Value[], isDown: boolean): number[] {
  const rank = (value: Value | undefined) => (typeof value === "number" ? 0 : value === null || value === undefined ? 2 : 1);
  return [...runs].sort((a, b) => {
    const [one, other] = [values[a], values[b]];
    const ranks = rank(one) - rank(other);
    if (ranks) return ranks;
    const order = typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
    return isDown ? -order : order;
  });
}

/** Runs side by side: a column for each, a row for each value, in sections. */
import { useState } from "preact/hooks";
import { Swatch } from "../parts/swatch";
import { link } from "../shell/router";
import type { RunName, Value } from "../run/types";
import type { Comparison, Row } from "./types";
import { deltaOf, isSame, told, valueOf } from "./values";

const TITLES: Record<string, string> = { run: "Run", git: "Git", config: "Config", summary: "Summary", packages: "Packages", diff: "Uncommitted changes" };
const MOST_CHARACTERS = 300;

interface TableProps {
  comparison: Comparison;
  /** The rows to show of it. */
  rows: readonly Row[];
  /** The run that the others are measured by: its place. */
  base: number;
  onBase: (ref: string) => void;
  onDrop: (ref: string) => void;
}

export function ComparisonTable({ comparison: { runs }, rows, base, onBase, onDrop }: TableProps) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const turn = (section: string) => {
    const next = new Set(closed);
    if (!next.delete(section)) next.add(section);
    setClosed(next);
  };
  const sections = [...new Set(rows.map((row) => row.section))];
  return (
    <div class="wide compared" tabIndex={0} role="region" aria-label="Runs side by side">
      <table class="sheet">
        <thead>
          <tr>
            <th scope="col" class="key">Value</th>
            {runs.map((run, place) => <RunHead key={run.ref} run={run} isBase={place === base} onBase={onBase} onDrop={onDrop} canDrop={runs.length > 1} />)}
          </tr>
        </thead>
        {sections.map((section) => {
          const own = rows.filter((row) => row.section === section);
          const isOpen = !closed.has(section);
          return (
            <tbody key={section}>
              <tr class="section-row">
                <th scope="rowgroup" colSpan={runs.length + 1}>
                  <button type="button" aria-expanded={isOpen} onClick={() => turn(section)}>
                    <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {TITLES[section] ?? section} <span class="quiet">{own.length}</span>
                  </button>
                </th>
              </tr>
              {isOpen && own.map((row) => <ValueRow key={row.key} row={row} count={runs.length} base={base} />)}
            </tbody>
          );
        })}
      </table>
    </div>
  );
}

function RunHead({ run, isBase, onBase, onDrop, canDrop }: { run: RunName; isBase: boolean; onBase: (ref: string) => void; onDrop: (ref: string) => void; canDrop: boolean }) {
  return (
    <th scope="col">
      <span class="run-head">
        <Swatch reference={run.ref} />
        <a href={link(`r/${run.ref}`)} title={run.name}>{run.name}</a>
        {canDrop && <button type="button" class="plain" aria-label={`Leave ${run.name} out`} title="Leave out" onClick={() => onDrop(run.ref)}>×</button>}
      </span>
      <button type="button" class="plain as-base" aria-pressed={isBase} onClick={() => onBase(run.ref)}>{isBase ? "baseline" : "as baseline"}</button>
    </th>
  );
}

function ValueRow({ row, count, base }: { row: Row; count: number; base: number }) {
  const baseValue = valueOf(row, base);
  return (
    <tr class={row.same ? "same" : ""}>
      <th scope="row" class="key">{row.key}</th>
      {Array.from({ length: count }, (_, place) => {
        const value = valueOf(row, place);
        const differs = place !== base && !isSame(value, baseValue);
        return <td key={place} class={differs ? "differs" : place === base ? "base" : ""}><Cell row={row} value={value} base={place === base ? null : baseValue} /></td>;
      })}
    </tr>
  );
}

function Cell({ row, value, base }: { row: Row; value: Value; base: Value }) {
  const [whole, setWhole] = useState(false);
  const text = told(row, value);
  const delta = row.section === "config" || row.section === "summary" ? deltaOf(value, base) : "";
  const isCut = text.length > MOST_CHARACTERS && !whole;
  return (
    <>
      <span class={value === null ? "quiet" : ""} title={typeof value === "number" ? String(value) : undefined}>{isCut ? `${text.slice(0, MOST_CHARACTERS)}…` : text}</span>
      {isCut && <button type="button" class="more" onClick={() => setWhole(true)}> all</button>}
      {delta && <span class="delta">{delta}</span>}
    </>
  );
}

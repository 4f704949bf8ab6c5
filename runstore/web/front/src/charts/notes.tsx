/** What a chart can't show by itself: runs that are not in it, and why; values that have no place on it. */
import { nameOf } from "./axes";
import type { PlotLine } from "./plot";
import type { ChartData, ChartRun } from "./types";

interface NotesProps {
  data: ChartData;
  runs: readonly ChartRun[];
  lines: readonly PlotLine[];
  isLog: boolean;
}

/** A name, which is written in its own direction, whatever letters it has. */
interface Name {
  name: string;
}

const MOST_NAMED = 3;

export function Notes({ data, runs, lines, isLog }: NotesProps) {
  const said: (string | Name)[][] = [];
  const lacking = runs.filter((run) => data.lacking.includes(run.ref));
  if (lacking.length) said.push([...named(lacking), lacking.length === 1 ? " has no " : " have no ", { name: nameOf(data.x) }, " at its steps"]);
  const odd = lines.filter((line) => line.curve.cells.some((cell) => cell.odd));
  if (odd.length) said.push(["× not finite: ", ...named(odd)]);
  if (isLog) {
    const low = lines.filter((line) => line.curve.cells.some((cell) => cell.mean !== null && cell.mean <= 0));
    if (low.length) said.push(["not above 0, so not on this axis: values of ", ...named(low)]);
  }
  if (!said.length) return null;
  const parts = joined(said, "; ");
  return <p class="notes" title={parts.map(asText).join("")}>{parts.map((part) => (typeof part === "string" ? part : <bdi>{part.name}</bdi>))}</p>;
}

function named(runs: readonly Name[]): (string | Name)[] {
  const names = joined(runs.slice(0, MOST_NAMED).map(({ name }) => [{ name }]), ", ");
  return runs.length > MOST_NAMED ? [...names, ` and ${runs.length - MOST_NAMED} more`] : names;
}

function joined(all: readonly (string | Name)[][], between: string): (string | Name)[] {
  return all.flatMap((parts, place) => (place ? [between, ...parts] : parts));
}

/** What <bdi> does, in a text without elements. */
function asText(part: string | Name): string {
  return typeof part === "string" ? part : `\u2068${part.name}\u2069`;
}

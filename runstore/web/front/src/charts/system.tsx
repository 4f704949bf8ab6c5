/** What was measured of the machine while a run was recorded. */
import { useMemo } from "preact/hooks";
import { usePlace } from "../shell/router";
import { useKeysOf } from "./charts";
import { ChartList } from "./list";
import { machineCharts, machineSection } from "./machine";
import type { Section } from "./sections";
import type { Source } from "./types";
import { chartView } from "./view";
import "../style/sheet.css";
import "./charts.css";

export default function SystemCharts({ reference }: { reference: string }) {
  const { query } = usePlace();
  const view = useMemo(() => chartView(query), [query.toString()]);
  const refs = useMemo(() => [reference], [reference]);
  const { keys, error } = useKeysOf(refs, true);
  const charts = useMemo(() => keys && machineCharts(keys), [keys]);
  const names = useMemo(() => charts && [...charts.keys()], [charts]);
  const source = useMemo<Source>(() => ({ refs, system: (key) => charts?.get(key) ?? [] }), [refs, charts]);
  if (error && !keys) return <p class="error" role="alert">{error}</p>;
  return (
    <ChartList
      keys={names} sections={sectionsOfMachine} runs={NO_RUNS} source={source} view={view} place="system"
      nothing="Nothing was measured of the machine: the run was short, or its settings turn that off."
    />
  );
}

const NO_RUNS: never[] = [];
const ORDER = ["GPU", "Machine", "This process"];

function sectionsOfMachine(keys: readonly string[]): Section[] {
  const found = new Map<string, string[]>();
  for (const key of keys) found.set(machineSection(key), [...(found.get(machineSection(key)) ?? []), key]);
  return [...found].sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b)).map(([name, own]) => ({ name, keys: own, isShut: false }));
}

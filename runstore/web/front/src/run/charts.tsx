/** The metrics of one run, as charts. */
import { useMemo } from "preact/hooks";
import Charts from "../charts/charts";
import type { TabProps } from "./types";

export default function ChartsTab({ run }: TabProps) {
  const runs = useMemo(() => [{ ref: run.ref, name: run.name, state: run.state, created: run.created_at }], [run.ref, run.name, run.state]);
  return <Charts runs={runs} />;
}

/** What was measured of the machine while one run was recorded. */
import SystemCharts from "../charts/system";
import type { TabProps } from "./types";

export default function SystemTab({ run }: TabProps) {
  return <SystemCharts reference={run.ref} />;
}

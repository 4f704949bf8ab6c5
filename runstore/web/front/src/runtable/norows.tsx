/** What stands in place of rows, where there are none. */
import { lazy } from "../shell/lazy";
import type { Runs } from "./source";

const Why = lazy(() => import("./empty"));

export interface NoRowsProps {
  runs: Runs;
  onFilter: (filter: string) => void;
}

export function NoRows(props: NoRowsProps) {
  const { runs } = props;
  if (runs.error && runs.all === undefined) return <div class="empty error" role="alert">{runs.error}</div>;
  // What is wrong with a filter is said below its box.
  if (runs.wrong || runs.all === undefined || runs.isLoading || runs.found !== 0) return null;
  return <Why {...props} />;
}

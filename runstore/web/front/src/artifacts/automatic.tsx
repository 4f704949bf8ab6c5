/** A switch for the artifacts that tools made by themselves, which are most of all; it stands in the address. */
import { many } from "../parts/words";
import { adjust } from "../shell/router";

const SHOWN = "1";

/** How many there are, and whether all of them hold logged tables. */
export interface Automatic {
  automatic: number;
  of_tables: boolean;
}

export function showsAutomatic(query: URLSearchParams): boolean {
  return query.get("automatic") === SHOWN;
}

interface SwitchProps extends Automatic {
  query: URLSearchParams;
  /** What they are, such as "artifact". */
  what?: string;
}

export function AutomaticSwitch({ automatic, of_tables, query, what = "artifact" }: SwitchProps) {
  if (!automatic) return null;
  const isOn = showsAutomatic(query);
  return (
    <button type="button" class="press" aria-pressed={isOn} onClick={() => adjust({ automatic: isOn ? "" : SHOWN })}>
      {many(automatic, what)} made by {of_tables ? "logging tables" : "tools"}
    </button>
  );
}

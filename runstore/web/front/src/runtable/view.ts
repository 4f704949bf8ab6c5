/** What a table of runs shows, as the address has it: `?filter=&sort=&columns=&pin=&on=&off=&top=`. */
import { adjust } from "../shell/router";

export interface View {
  filter: string;
  /** Columns with a comma between, "-" before those whose largest come first; "" for the newest first. See order.ts. */
  sort: string;
  /** Names of the columns that were chosen; undefined: those that tell the newest runs apart. */
  columns: readonly string[] | undefined;
  /** Ids of runs that stay at the top, whatever the filter says, and are drawn. */
  pinned: readonly string[];
  /** Ids of runs that are drawn beyond the first, and of those of the first that are not. */
  on: readonly string[];
  off: readonly string[];
  /** How many runs from the top are drawn. */
  top: number;
}

export const DEFAULT_TOP = 10;
/** Lines that are drawn at once at most. */
export const MOST_DRAWN = 100;

export function viewOf(query: URLSearchParams): View {
  const top = Number(query.get("top") ?? DEFAULT_TOP);
  return {
    filter: query.get("filter") ?? "",
    sort: query.get("sort") ?? "",
    columns: query.has("columns") ? listed(query.get("columns")).map(unescaped) : undefined,
    pinned: listed(query.get("pin")),
    on: listed(query.get("on")),
    off: listed(query.get("off")),
    top: Number.isInteger(top) && top >= 0 ? Math.min(top, MOST_DRAWN) : DEFAULT_TOP,
  };
}

/** The parameters that say the same. */
export function paramsOf(view: View): Record<string, string | undefined> {
  return {
    filter: view.filter,
    sort: view.sort,
    columns: view.columns?.map(escaped).join(","),
    pin: view.pinned.join(","),
    on: view.on.join(","),
    off: view.off.join(","),
    top: view.top === DEFAULT_TOP ? undefined : String(view.top),
  };
}

/** Change the view; what is drawn beyond the first is forgotten where another list of runs is asked for. */
export function change(view: View, changes: Partial<View>): void {
  adjust(paramsOf({ ...view, ...changes }));
}

/** The last part of a run's ref, which names it inside of its project; still escaped, so it holds no comma. */
export function idOf(ref: string): string {
  return ref.slice(ref.lastIndexOf("/") + 1);
}

export function toggled(list: readonly string[], one: string): string[] {
  return list.includes(one) ? list.filter((other) => other !== one) : [...list, one];
}

export function listed(text: string | null): string[] {
  return [...new Set((text ?? "").split(",").filter(Boolean))];
}

export function escaped(name: string): string {
  return name.replace(/[%,]/g, encodeURIComponent);
}

export function unescaped(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

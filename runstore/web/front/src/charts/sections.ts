/** Metrics by what their names begin with. */

export interface Section {
  name: string;
  keys: string[];
  /** Shut until somebody opens it. */
  isShut: boolean;
}

/** What no prefix and what runstore itself adds is listed under. */
export const PLAIN = "Charts";
export const OWN = "Of each row";

export function sectionsOf(keys: readonly string[]): Section[] {
  const found = new Map<string, string[]>();
  for (const key of keys) {
    const name = sectionOf(key);
    found.set(name, [...(found.get(name) ?? []), key]);
  }
  const rank = (name: string) => (name === PLAIN ? 0 : name === OWN ? 2 : 1);
  return [...found]
    .sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b))
    .map(([name, own]) => ({ name, keys: own.sort((a, b) => a.localeCompare(b, undefined, { numeric: true })), isShut: name === OWN }));
}

function sectionOf(key: string): string {
  if (key.startsWith("_")) return OWN;
  const end = key.indexOf("/");
  return end > 0 ? key.slice(0, end) : PLAIN;
}

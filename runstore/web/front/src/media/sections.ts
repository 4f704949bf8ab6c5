/** Keys in sections: those with the same prefix, up to the last slash, belong together. */
import type { MediaKey } from "./types";

export interface Section {
  name: string;
  keys: MediaKey[];
}

export function bySection(keys: readonly MediaKey[], wanted: string): Section[] {
  const sections = new Map<string, Section>();
  const words = wanted.toLowerCase();
  for (const one of keys) {
    if (!one.key.toLowerCase().includes(words)) continue;
    const name = one.key.slice(0, Math.max(one.key.lastIndexOf("/"), 0));
    const section = sections.get(name) ?? { name, keys: [] };
    section.keys.push(one);
    sections.set(name, section);
  }
  return [...sections.values()];
}

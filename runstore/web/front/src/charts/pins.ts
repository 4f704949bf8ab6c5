/** Charts that stay on top, kept in this browser for each project. */
import { useState } from "preact/hooks";

export function usePins(project: string): [readonly string[], (key: string) => void] {
  const place = `runstore-pins ${new URL(document.baseURI).pathname} ${project}`;
  const [pins, setPins] = useState<readonly string[]>(() => kept(place));
  const toggle = (key: string) =>
    setPins((old) => {
      const next = old.includes(key) ? old.filter((one) => one !== key) : [...old, key];
      localStorage.setItem(place, JSON.stringify(next));
      return next;
    });
  return [pins, toggle];
}

function kept(place: string): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(place) ?? "[]");
    return Array.isArray(found) ? found.filter((key): key is string => typeof key === "string") : [];
  } catch {
    return [];
  }
}

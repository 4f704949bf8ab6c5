/** Where we are in an exported file: behind its `#`, which survives a reload; stands in the place of shell/router.ts. */
import { useEffect, useState } from "preact/hooks";

const listeners = new Set<() => void>();

export interface Place {
  path: string;
  query: URLSearchParams;
}

export function place(): Place {
  return { path: "", query: new URLSearchParams(location.hash.slice(1)) };
}

/** There are no other pages: all links lead to the runs of this one. */
export function link(_path: string, _query: Record<string, string | undefined> = {}): string {
  return "#runs";
}

export function go(href: string): void {
  history.replaceState(null, "", href);
  for (const listener of listeners) listener();
}

export function adjust(changes: Record<string, string | undefined>): void {
  const { query } = place();
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  go(`#${query}`);
}

export function usePlace(): Place {
  const [at, setAt] = useState(place);
  useEffect(() => {
    const listener = () => setAt(place());
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, []);
  return at;
}

/** Show what a link within the page leads to, and leave the view as it is. */
export function followLinks(event: MouseEvent): void {
  const anchor = (event.target as Element).closest?.('a[href^="#"]');
  if (!anchor) return;
  event.preventDefault();
  document.getElementById(anchor.getAttribute("href")?.slice(1) ?? "")?.scrollIntoView();
}

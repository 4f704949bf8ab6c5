/** Where we are: the address is the state of the view, so that it can be sent to somebody, and survives a reload. */
import { useEffect, useState } from "preact/hooks";

const root = new URL(document.baseURI).pathname;
const listeners = new Set<() => void>();

export interface Place {
  /** The address below the root, still escaped, such as `r/mnist/k3v9q2`. */
  path: string;
  query: URLSearchParams;
}

export function place(): Place {
  return { path: location.pathname.slice(root.length), query: new URLSearchParams(location.search) };
}

/** The address of a page, absolute on this server. Parameters that are "" or undefined are left out. */
export function link(path: string, query: Record<string, string | undefined> = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) params.set(name, value);
  const text = params.toString();
  return root + path + (text ? `?${text}` : "");
}

export function go(href: string, options: { replace?: boolean } = {}): void {
  history[options.replace ? "replaceState" : "pushState"](null, "", href);
  for (const listener of listeners) listener();
}

/** Change parameters of the view; those that are "" or undefined are removed. */
export function adjust(changes: Record<string, string | undefined>, options: { replace?: boolean } = { replace: true }): void {
  const { path, query } = place();
  const all = Object.fromEntries(query);
  go(link(path, { ...all, ...changes }), options);
}

export function usePlace(): Place {
  const [at, setAt] = useState(place);
  useEffect(() => {
    const listener = () => setAt(place());
    listeners.add(listener);
    addEventListener("popstate", listener);
    return () => {
      listeners.delete(listener);
      removeEventListener("popstate", listener);
    };
  }, []);
  return at;
}

/** Follow links inside the UI without loading the page anew; all others are the browser's. */
export function followLinks(event: MouseEvent): void {
  const anchor = (event.target as Element).closest?.("a");
  if (!anchor || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || anchor.target) return;
  if (anchor.origin !== location.origin || !anchor.pathname.startsWith(root) || anchor.hasAttribute("download")) return;
  event.preventDefault();
  go(anchor.href);
}

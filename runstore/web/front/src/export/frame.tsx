/**
 * A logged page in an exported file: stands in the place of media/frame.tsx.
 *
 * It has no origin, is under this file's own policy, which lets nothing be loaded, and under one of its own, so that its
 * scripts can't use the nonce, by which they run at all, for scripts from elsewhere.
 */
import { useMemo } from "preact/hooks";
import { textOf } from "./bytes";
import { exported } from "./data";

const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data:; form-action 'none'; base-uri 'none'";

export function Frame({ src, title }: { src: string; title: string }) {
  const page = useMemo(() => framed(textOf(src), exported.nonce), [src]);
  return <iframe title={title} srcdoc={page} sandbox="allow-scripts" loading="lazy" referrerpolicy="no-referrer" />;
}

/** A page with the policy before all else in it, whose own scripts and styles have the nonce. Nothing in it runs here. */
export function framed(text: string, nonce: string): string {
  const page = new DOMParser().parseFromString(text, "text/html");
  const policy = page.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = POLICY;
  page.head.prepend(policy);
  for (const element of page.querySelectorAll("link, base, script[src]")) element.remove(); // which only lead elsewhere
  for (const element of page.querySelectorAll("script, style")) element.setAttribute("nonce", nonce);
  return `${page.doctype ? "<!doctype html>" : ""}${page.documentElement.outerHTML}`;
}

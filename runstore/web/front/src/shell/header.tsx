/** The bar at the top of every page: where we are, whether anything is live, light or dark, and the keys. */
import { openRun } from "../parts/shownrun";
import { liveRuns } from "./changes";
import { overlay, useKeys } from "./keys";
import { go, link } from "./router";
import { useStore } from "./store";
import { nextTheme, theme } from "./theme";
import { announce } from "./says";

const THEME_SIGNS = { system: "◐", light: "☀", dark: "☾" };

/** The parts of a ref as people read them. */
export function named(part: string): string {
  const text = decoded(part);
  return text.startsWith("~") ? text.slice(1) : text;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

interface Crumb {
  text: string;
  /** Where that is not what the text says: which run it is. */
  title?: string;
  path: string;
}

/** Links that lead from the root to the page at `path`; runs are called by their name, where it is known. */
export function crumbsOf(path: string, known = { ref: "", name: "" }): Crumb[] {
  const [first, ...parts] = path.split("/").filter(Boolean);
  if (first === "r" && parts.length >= 2 && parts.length <= 3) {
    const project = parts.slice(0, -1);
    return [
      { text: project.map(named).join(" / "), path: `p/${project.join("/")}` },
      { text: known.ref === parts.join("/") ? known.name : named(parts.at(-1) ?? ""), title: named(parts.at(-1) ?? ""), path },
    ];
  }
  if (first === "a" && parts.length >= 3 && parts.length <= 4) {
    const project = parts.slice(0, -2);
    return [
      { text: project.map(named).join(" / "), path: `p/${project.join("/")}` },
      { text: named(parts.at(-1) ?? ""), path },
    ];
  }
  if (first === "p" && parts.length) {
    const isPage = parts.length > 1 && ["table", "groups", "artifacts"].includes(parts.at(-1) ?? "");
    const project = isPage ? parts.slice(0, -1) : parts;
    return [{ text: project.map(named).join(" / "), path: `p/${project.join("/")}` }];
  }
  return [];
}

export function Header({ path }: { path: string }) {
  const chosen = useStore(theme);
  const live = useStore(liveRuns);
  const run = useStore(openRun);
  const change = () => announce(`Theme: ${nextTheme()}`);
  useKeys([
    { keys: "g h", says: "To all projects", run: () => go(link("")), where: "Everywhere" },
    { keys: "g s", says: "To what is delivered", run: () => go(link("sync")), where: "Everywhere" },
    { keys: "t", says: "Light, dark, or as the system has it", run: change, where: "Everywhere" },
    { keys: "?", says: "Show these keys", run: () => overlay.set(true), where: "Everywhere" },
  ]);
  return (
    <header class="bar">
      <nav class="crumbs" aria-label="Where we are">
        <a class="brand" href={link("")}>runstore</a>
        {crumbsOf(path, run).map((crumb) => (
          <a key={crumb.path} class="crumb" href={link(crumb.path)} title={crumb.title ?? crumb.text}>{crumb.text}</a>
        ))}
      </nav>
      {live > 0 && <span class="live" title={`${live} running`}><i aria-hidden="true" />{live} running</span>}
      <a class="plain" href={link("sync")} aria-current={path.startsWith("sync") ? "page" : undefined}>Sync</a>
      <button type="button" class="plain" onClick={change} title={`Theme: ${chosen}`} aria-label={`Theme: ${chosen}. Change it`}>
        {THEME_SIGNS[chosen]}
      </button>
      <button type="button" class="plain" onClick={() => overlay.set(true)} title="Keys (?)" aria-label="Show the keys">?</button>
    </header>
  );
}

/** Which page an address means. */
import type { ComponentType } from "preact";
import Project from "../pages/project";
import { lazy } from "./lazy";

export interface PageProps {
  /** The ref in the address, still escaped: of the run, or of the project; for others what follows the page's name. */
  rest: string;
  query: URLSearchParams;
}

/** First part of the address -> page. */
const PAGES: Record<string, ComponentType<PageProps>> = {
  "": lazy(() => import("../pages/projects")),
  r: lazy(() => import("../pages/run")),
  a: lazy(() => import("../pages/artifacts")),
  compare: lazy(() => import("../pages/compare")),
  sync: lazy(() => import("../pages/sync")),
};

/** Last part of a project's address -> page. No ref of a project ends so: refs.py escapes projects of these names. */
const OF_PROJECT: Record<string, ComponentType<PageProps>> = {
  "": Project, // with the shell: most come for it
  table: lazy(() => import("../pages/table")),
  groups: lazy(() => import("../pages/groups")),
  artifacts: lazy(() => import("../pages/artifacts")),
};

export interface Found {
  Page: ComponentType<PageProps> | undefined;
  rest: string;
  /** The same for addresses that one mounted page shows. */
  name: string;
}

export function pageAt(path: string): Found {
  const [first = "", ...parts] = path.split("/");
  if (first !== "p") {
    const rest = parts.join("/");
    return { Page: PAGES[first], rest, name: first === "a" || first === "r" ? `${first}/${rest}` : first };
  }
  const last = parts.at(-1) ?? "";
  const which = parts.length > 1 && last && Object.hasOwn(OF_PROJECT, last) ? last : "";
  const rest = (which ? parts.slice(0, -1) : parts).join("/");
  return { Page: rest ? OF_PROJECT[which] : undefined, rest, name: path };
}

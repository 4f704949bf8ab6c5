/** The bar of a project's pages: which page, and what belongs to it. */
import type { ComponentChildren } from "preact";
import { link } from "../shell/router";
import { Tabs } from "./tabs";

/** Name, text, and the last part of the address; charts and media are two sides of one page, which stays mounted. */
const PAGES = [["", "Charts", ""], ["media", "Media", ""], ["table", "Table", "/table"], ["groups", "Groups", "/groups"], ["artifacts", "Artifacts", "/artifacts"]] as const;

interface ProjectBarProps {
  /** Ref of the project. */
  project: string;
  page: (typeof PAGES)[number][0];
  /** Parameters of the view that the other pages take along, such as the filter. */
  keeps?: Record<string, string | undefined>;
  children?: ComponentChildren;
}

export function ProjectBar({ project, page, keeps = {}, children }: ProjectBarProps) {
  const tabs = PAGES.map(([name, text, path]) => {
    const params = name === "artifacts" ? {} : { ...keeps, show: name === "media" ? name : "" };
    return { name, text, href: link(`p/${project}${path}`, params) };
  });
  return (
    <div class="subbar">
      <Tabs tabs={tabs} current={page} label="Pages of this project" />
      {children}
    </div>
  );
}

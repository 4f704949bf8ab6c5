/** Addresses of artifacts: `a/[entity/]project/type/name:alias`; the type is there for people, the rest is the ref. */
import { link } from "../shell/router";

/** The address of a version, from its ref (`[entity/]project/name:alias`) and type. */
export function artifactLink(ref: string, type: string, query: Record<string, string | undefined> = {}): string {
  const parts = ref.split("/");
  parts.splice(-1, 0, encodeURIComponent(type || "artifact"));
  return link(`a/${parts.join("/")}`, query);
}

/** Ref and type that follow `a/` in the address of a version; undefined for that of a project's list. */
export function parsePlace(rest: string): { ref: string; type: string; project: string } | undefined {
  const parts = rest.split("/");
  const last = parts.at(-1) ?? "";
  if (parts.length < 3 || parts.length > 4 || !last.includes(":")) return undefined;
  const project = parts.slice(0, -2);
  return { ref: [...project, last].join("/"), type: decodeURIComponent(parts.at(-2) ?? ""), project: project.join("/") };
}

/** The same ref with another alias or version. */
export function withAlias(ref: string, alias: string): string {
  return `${ref.slice(0, ref.lastIndexOf(":"))}:${encodeURIComponent(alias)}`;
}

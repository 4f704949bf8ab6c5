/** One version of an artifact: what is said of it, its files, its other versions, what changed, where it came from. */
import { useEffect } from "preact/hooks";
import { get } from "../shell/api";
import { useLoad } from "../shell/load";
import { go, link, place } from "../shell/router";
import { ago, many, moment, size } from "../parts/words";
import { ByRun } from "./by";
import { DifferenceTab } from "./difference";
import { FilesTab } from "./files";
import { LineageTab } from "./lineage";
import { artifactLink, withAlias } from "./links";
import { Overview } from "./overview";
import { Aliases } from "./pills";
import type { Facts, Version } from "./types";
import { VersionsTab } from "./versions";

export interface Versions {
  total: number;
  versions: Version[];
}

export function ArtifactVersion({ artifact, project, query }: { artifact: string; project: string; query: URLSearchParams }) {
  const facts = useLoad<Facts>((signal) => get("artifact", { ref: artifact }, signal), [artifact]);
  const versions = useLoad<Versions>((signal) => get("artifact/versions", { ref: artifact }, signal), [artifact]);
  const one = facts.data;
  useEffect(() => {
    if (one) document.title = `${one.name}:v${one.number} · runstore`;
  }, [one]);
  if (facts.error) return <Missing error={facts.error} project={project} />;
  if (!one) return <p class="quiet page">…</p>;
  const tab = query.get("tab") ?? "";
  return (
    <div class="page">
      <div class="head">
        <h1>{one.name}<span class="quiet">:v{one.number}</span></h1>
        <span class="pill">{one.type}</span>
        <span><Aliases aliases={one.aliases} /></span>
        <Picker one={one} versions={versions.data} query={query} />
      </div>
      <p class="under">
        <span><a href={link(`p/${project}/artifacts`)}>All artifacts of {decodeURIComponent(project)}</a></span>
        {one.files !== null && <span>{many(one.files, "file")}{one.size !== null && `, ${size(one.size)}`}</span>}
        <span title={moment(one.created_at)}>made {ago(one.created_at)} by <ByRun run={one.run} name={one.run_name} /></span>
      </p>
      <Tabs tab={tab} one={one} versions={versions.data?.total} />
      {tab === "" && <Overview one={one} />}
      {tab === "files" && <FilesTab key={one.ref} artifact={one.ref} query={query} />}
      {tab === "versions" && versions.data && <VersionsTab artifact={one.ref} first={versions.data} chosen={one.number} />}
      {tab === "compare" && <DifferenceTab one={one} versions={versions.data?.versions ?? []} query={query} />}
      {tab === "lineage" && <LineageTab start={{ ref: one.ref }} query={query} />}
    </div>
  );
}

function Missing({ error, project }: { error: string; project: string }) {
  return (
    <div class="page">
      <p class="notice bad" role="alert">{error}</p>
      <p><a href={link(`p/${project}/artifacts`)}>All artifacts of {decodeURIComponent(project)}</a></p>
    </div>
  );
}

function Tabs({ tab, one, versions }: { tab: string; one: Facts; versions: number | undefined }) {
  const tabs: [string, string, number | null | undefined][] = [
    ["", "Overview", undefined],
    ["files", "Files", one.files],
    ["versions", "Versions", versions],
    ["compare", "Compare", undefined],
    ["lineage", "Lineage", undefined],
  ];
  return (
    <nav class="tabs" aria-label="Parts of this version">
      {tabs.map(([name, text, count]) => (
        <a key={name} href={link(place().path, { tab: name })} aria-current={tab === name ? "page" : undefined}>
          {text}
          {count !== undefined && count !== null && <span class="count">{count.toLocaleString("en")}</span>}
        </a>
      ))}
    </nav>
  );
}

/** Goes to another version, with the same tab open. */
function Picker({ one, versions, query }: { one: Facts; versions: Versions | undefined; query: URLSearchParams }) {
  if (!versions || versions.total < 2) return null;
  const choose = (number: string) =>
    go(artifactLink(withAlias(one.ref, `v${number}`), one.type, { tab: query.get("tab") ?? "" }));
  return (
    <select class="press" aria-label="Version" value={String(one.number)} onChange={(event) => choose(event.currentTarget.value)}>
      {versions.versions.map((each) => (
        <option key={each.number} value={String(each.number)}>
          v{each.number}{each.aliases.length > 0 && ` (${each.aliases.join(", ")})`}
        </option>
      ))}
    </select>
  );
}

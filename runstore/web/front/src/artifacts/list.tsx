/** The collections of a project, or of all, by type. */
import { get } from "../shell/api";
import { useChanges } from "../shell/changes";
import { useLoad } from "../shell/load";
import { adjust, link } from "../shell/router";
import { ProjectBar } from "../parts/projectbar";
import { ago, many, moment, size } from "../parts/words";
import { AutomaticSwitch, showsAutomatic } from "./automatic";
import { ByRun } from "./by";
import { artifactLink, withAlias } from "./links";
import { Aliases } from "./pills";
import type { Collection, Collections } from "./types";

/** Lines of Python that log an artifact, as an empty list shows them. */
const HOW = `artifact = runstore.Artifact("digits", "dataset")
artifact.add_dir("data/")
run.log_artifact(artifact)`;

export function ArtifactList({ project, query }: { project: string; query: URLSearchParams }) {
  const isAll = showsAutomatic(query);
  const { data: found, error, again } = useLoad<Collections>(
    (signal) => get("artifacts", { project: project || undefined, automatic: isAll ? 1 : undefined }, signal),
    [project, isAll],
  );
  useChanges(again);
  const text = (query.get("text") ?? "").toLowerCase();
  const type = query.get("type") ?? "";
  const data = found?.collections;
  const types = [...new Set((data ?? []).map((one) => one.type))].sort();
  const shown = (data ?? []).filter((one) => (!type || one.type === type) && one.name.toLowerCase().includes(text));
  if (error && !data) return <p class="error" role="alert">{error}</p>;
  return (
    <>
      {project && <ProjectBar project={project} page="artifacts" />}
      <div class="page">
        <div class="head"><h1>{project ? "Artifacts" : "Artifacts of all projects"}</h1></div>
        {found && !found.collections.length && !found.automatic && <Nothing />}
        {data && (data.length > 0 || found.automatic > 0) && (
          <>
            <div class="tools">
              <input
                type="search"
                aria-label="Find an artifact by its name"
                placeholder="Find by name"
                value={query.get("text") ?? ""}
                onInput={(event) => adjust({ text: event.currentTarget.value })}
              />
              {types.length > 1 && (
                <span role="group" aria-label="Type">
                  <TypeButton name="" text="All types" chosen={type} />
                  {types.map((one) => <TypeButton key={one} name={one} text={one} chosen={type} />)}
                </span>
              )}
              <span class="quiet" role="status">{many(shown.length, "artifact")}{shown.length < data.length && ` of ${data.length.toLocaleString("en")}`}</span>
              <AutomaticSwitch {...found} query={query} />
            </div>
            {data.length > 0 && <Table collections={shown} withProject={!project} />}
          </>
        )}
      </div>
    </>
  );
}

function TypeButton({ name, text, chosen }: { name: string; text: string; chosen: string }) {
  return (
    <button type="button" class="press" aria-pressed={chosen === name} onClick={() => adjust({ type: name })}>{text}</button>
  );
}

function Table({ collections, withProject }: { collections: readonly Collection[]; withProject: boolean }) {
  if (!collections.length) return <p class="nothing">No artifact has such a name.</p>;
  return (
    <div class="wide">
      <table class="sheet">
        <thead>
          <tr>
            <th scope="col">Name</th>
            {withProject && <th scope="col">Project</th>}
            <th scope="col">Type</th>
            <th scope="col" class="number">Versions</th>
            <th scope="col">Newest</th>
            <th scope="col" class="number">Files</th>
            <th scope="col" class="number">Size</th>
            <th scope="col">Made</th>
            <th scope="col">By</th>
          </tr>
        </thead>
        <tbody>
          {collections.map((one) => (
            <tr key={one.path}>
              <td class="main"><a href={artifactLink(withAlias(one.ref, `v${one.number}`), one.type)}>{one.name}</a></td>
              {withProject && <td><a href={link(`p/${one.project}`)}>{one.path.split("/").slice(0, -1).join(" / ")}</a></td>}
              <td class="short"><span class="pill">{one.type}</span></td>
              <td class="number">{one.versions.toLocaleString("en")}</td>
              <td class="short">v{one.number} <Aliases aliases={one.aliases} /></td>
              <td class="number">{one.files?.toLocaleString("en") ?? ""}</td>
              <td class="number">{one.size === null ? "" : size(one.size)}</td>
              <td class="short" title={moment(one.created_at)}>{ago(one.created_at)}</td>
              <td class="by"><ByRun run={one.run} name={one.run_name} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Nothing() {
  return (
    <div class="nothing">
      <p>No artifacts yet. A run logs one so:</p>
      <pre class="code">{HOW}</pre>
    </div>
  );
}

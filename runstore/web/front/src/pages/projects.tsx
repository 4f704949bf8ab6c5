/** All projects, the one that was used last first. */
import { useState } from "preact/hooks";
import { ago, many, moment } from "../parts/words";
import { HowToLog } from "../runtable/howto";
import { get } from "../shell/api";
import { useChanges } from "../shell/changes";
import { useLoad } from "../shell/load";
import { link } from "../shell/router";
import "../style/projects.css";

interface Project {
  ref: string;
  entity: string;
  name: string;
  runs: number;
  running: number;
  created_at: number;
  active_at: number;
}

const MANY = 12;

export default function Projects() {
  const { data, error, again } = useLoad((signal) => get<Project[]>("projects", {}, signal), []);
  const [wanted, setWanted] = useState("");
  useChanges(again);
  if (!data) return error ? <p class="empty error" role="alert">{error}</p> : <p class="empty">…</p>;
  if (!data.length) return <NoRuns />;
  const shown = data.filter((one) => `${one.entity}/${one.name}`.toLowerCase().includes(wanted.toLowerCase()));
  return (
    <div class="projects">
      <div class="headline">
        <h1>Projects</h1>
        <span class="quiet">{many(data.reduce((sum, one) => sum + one.runs, 0), "run")}</span>
        {data.length > MANY && (
          <input class="field" type="search" placeholder="Find a project" aria-label="Find a project" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
        )}
      </div>
      <table>
        <thead>
          <tr>
            <th scope="col">project</th>
            <th scope="col" class="number">runs</th>
            <th scope="col">now</th>
            <th scope="col">last active</th>
            <th scope="col" class="since">since</th>
          </tr>
        </thead>
        <tbody>{shown.map((one) => <Line key={one.ref} project={one} />)}</tbody>
      </table>
    </div>
  );
}

function Line({ project }: { project: Project }) {
  return (
    <tr>
      <th scope="row">
        <a href={link(`p/${project.ref}`)}>{project.entity && <span class="quiet">{project.entity} / </span>}{project.name}</a>
      </th>
      <td class="number">{project.runs.toLocaleString("en")}</td>
      <td>{project.running > 0 && <span class="state running"><i aria-hidden="true" />{project.running} running</span>}</td>
      <td title={moment(project.active_at)}>{ago(project.active_at)}</td>
      <td class="since quiet">{moment(project.created_at).slice(0, 10)}</td>
    </tr>
  );
}

function NoRuns() {
  const { data, error } = useLoad((signal) => get<{ kind: string }>("sync", {}, signal), []);
  if (!data && !error) return <p class="empty">…</p>;
  return data?.kind === "hub" ? <NothingDelivered /> : <NothingLogged />;
}

function NothingDelivered() {
  const address = new URL(".", document.baseURI).href;
  return (
    <div class="empty first">
      <h1>No runs yet</h1>
      <p>Nothing was delivered to this hub. Where runs are, two lines deliver them:</p>
      <pre class="example"><code>{`runstore remote add lab ${address} --token TOKEN\nrunstore sync`}</code></pre>
      <p>Tokens are made where the hub is, by <code>runstore hub token create NAME</code>.</p>
    </div>
  );
}

function NothingLogged() {
  return (
    <div class="empty first">
      <h1>No runs yet</h1>
      <p>Nothing is logged below the folder where this was started. Three lines log a run:</p>
      <HowToLog />
      <p>It shows up here within seconds. Folders elsewhere are added by <code>runstore ui FOLDER</code>; runs of W&amp;B's offline mode count too.</p>
    </div>
  );
}

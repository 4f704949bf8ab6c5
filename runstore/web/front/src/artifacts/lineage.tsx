/** Lineage: which runs logged and used which versions, around one of them. */
import { get } from "../shell/api";
import { useLoad } from "../shell/load";
import { adjust } from "../shell/router";
import { many } from "../parts/words";
import { AutomaticSwitch, showsAutomatic } from "./automatic";
import { Drawing } from "./drawing";
import type { Graph, GraphNode } from "./types";

const DEPTHS: readonly [string, string][] = [["2", "2 steps"], ["", "4 steps"], ["8", "8 steps"], ["0", "all"]];

export function LineageTab({ start, query }: { start: { ref: string } | { run: string }; query: URLSearchParams }) {
  const depth = query.get("depth") ?? "";
  const isAll = showsAutomatic(query);
  const { data, error } = useLoad<Graph>(
    (signal) => get("lineage", { ...start, depth: depth || undefined, automatic: isAll ? 1 : undefined }, signal),
    ["ref" in start ? start.ref : start.run, depth, isAll],
  );
  if (error && !data) return <p class="error" role="alert">{error}</p>;
  if (!data) return <p class="quiet">…</p>;
  if (data.nodes.length === 1) {
    if (data.automatic) return <p class="tools"><AutomaticSwitch {...data} query={query} what="version" /> <span class="quiet">and nothing else is known of where it came from, or what came of it.</span></p>;
    return <p class="nothing">Nothing is known of where it came from, or what came of it: runs say so by <code>use_artifact</code> and <code>log_artifact</code>.</p>;
  }
  return (
    <>
      <Drawing graph={data}>
        <label>
          As far as
          <select aria-label="As far as" value={depth} onChange={(event) => adjust({ depth: event.currentTarget.value })}>
            {DEPTHS.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
          </select>
        </label>
        <span class="quiet" role="status">{told(data.nodes)}{data.left_out > 0 && `; ${many(data.left_out, "more is", "more are")} too many to draw`}</span>
        <AutomaticSwitch {...data} query={query} what="version" />
      </Drawing>
      <details class="beside">
        <summary>As a table</summary>
        <Table graph={data} />
      </details>
    </>
  );
}

function told(nodes: readonly GraphNode[]): string {
  const runs = nodes.filter((node) => node.kind === "run").length;
  return `${many(runs, "run")}, ${many(nodes.length - runs, "version")}`;
}

function Table({ graph }: { graph: Graph }) {
  return (
    <div class="wide">
      <table class="sheet">
        <thead><tr><th scope="col">Run</th><th scope="col">did</th><th scope="col">Version</th></tr></thead>
        <tbody>
          {graph.edges.map(([source, target, how]) => {
            const [run, version] = how === "logged" ? [source, target] : [target, source];
            return <tr key={`${source} ${target}`}><td title={graph.nodes[run]?.path}>{graph.nodes[run]?.name}</td><td>{how}</td><td>{graph.nodes[version]?.path}</td></tr>;
          })}
        </tbody>
      </table>
    </div>
  );
}

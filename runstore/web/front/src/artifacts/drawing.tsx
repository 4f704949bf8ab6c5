/** A graph of runs and versions as SVG: links that keys lead along, too. */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { link } from "../shell/router";
import { type Layout, layout } from "./layout";
import { artifactLink } from "./links";
import type { Graph, GraphNode } from "./types";

const WIDTH = 196;
const HEIGHT = 46;
const ACROSS = 270; // from column to column
const DOWN = 64; // from row to row
const EDGE = 16; // around all
const CHARACTERS = 22; // of a name that fit into a box, wide letters too
const ZOOMS = [0.4, 0.55, 0.75, 1, 1.3];
const WHOLE = ZOOMS.indexOf(1);
const LEAST = ZOOMS.indexOf(0.75); // at which names are read without effort

/** `children` stand beside the buttons that change the size. */
export function Drawing({ graph, children }: { graph: Graph; children?: ComponentChildren }) {
  const found = useMemo(() => layout(graph.nodes.length, graph.edges.map(([source, target]) => [source, target])), [graph]);
  const frame = useRef<HTMLDivElement>(null);
  const [zoom, setZoom] = useState(WHOLE);
  const scale = ZOOMS[zoom] ?? 1;
  const width = (found.columns - 1) * ACROSS + WIDTH + 2 * EDGE;
  const height = (found.rows - 1) * DOWN + HEIGHT + 2 * EDGE;
  useLayoutEffect(() => {
    const room = frame.current?.clientWidth ?? width; // all of it is shown, where that can still be read
    setZoom(width * (ZOOMS[WHOLE] ?? 1) > room ? LEAST : WHOLE);
  }, [found]);
  useEffect(() => {
    const box = frame.current;
    if (!box) return;
    box.scrollLeft = (x(found, 0) + WIDTH / 2) * scale - box.clientWidth / 2;
    box.scrollTop = (y(found, 0) + HEIGHT / 2) * scale - box.clientHeight / 2;
  }, [found, scale]);
  return (
    <div class="lineage">
      <div class="tools">
        {children}
        <span class="zoom" role="group" aria-label="Size of the drawing">
          <button type="button" class="press" aria-label="Smaller" disabled={!zoom} onClick={() => setZoom(zoom - 1)}>−</button>
          <button type="button" class="press" aria-label="Larger" disabled={zoom === ZOOMS.length - 1} onClick={() => setZoom(zoom + 1)}>+</button>
        </span>
      </div>
      <div class="frame" ref={frame}>
        <svg
          width={width * scale}
          height={height * scale}
          viewBox={`0 0 ${width} ${height}`}
          role="group"
          aria-label="Lineage, from left to right; arrow keys lead along it"
          onKeyDown={(event) => walk(event, graph, found)}
        >
          <defs>
            <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" class="tip" /></marker>
          </defs>
          {graph.edges.map(([source, target, how], place) => (
            <path key={`${source} ${target}`} class={`edge ${how}`} d={edgePath(found, source, target, found.bends[place] ?? [])} marker-end="url(#tip)" />
          ))}
          {graph.nodes.map((node, place) => <Box key={`${node.kind} ${node.path}`} node={node} place={place} left={x(found, place)} top={y(found, place)} />)}
        </svg>
      </div>
    </div>
  );
}

function Box({ node, place, left, top }: { node: GraphNode; place: number; left: number; top: number }) {
  const href = node.kind === "run" ? link(`r/${node.ref}`) : artifactLink(node.ref, node.type);
  const kind = node.kind === "run" ? "run" : "version";
  const about = `${kind} ${node.path}${node.type ? `, ${node.type}` : ""}${node.ref ? "" : ", its log is not here"}`;
  const box = (
    <g class={`node ${kind}${place ? "" : " start"}${node.ref ? "" : " unknown"}`} transform={`translate(${left} ${top})`}>
      <title>{about}</title>
      <rect width={WIDTH} height={HEIGHT} rx={kind === "run" ? HEIGHT / 2 : 6} />
      <text x={kind === "run" ? 22 : 14} y="20" class="name">{cut(node.name)}</text>
      <text x={kind === "run" ? 22 : 14} y="36" class="kind">{cut(kind === "run" ? `run${node.type ? ` · ${node.type}` : ""}` : node.type)}</text>
    </g>
  );
  if (!node.ref) return box;
  return <a href={href} data-place={String(place)} aria-label={about} aria-current={place ? undefined : "true"}>{box}</a>;
}

function cut(text: string): string {
  return text.length > CHARACTERS ? `${text.slice(0, CHARACTERS - 14)}…${text.slice(-13)}` : text;
}

function x(found: Layout, node: number): number {
  return EDGE + (found.column[node] ?? 0) * ACROSS;
}

function y(found: Layout, node: number): number {
  return EDGE + (found.row[node] ?? 0) * DOWN;
}

/** From the right side of a box to the left side of another one, through the bends between them. */
function edgePath(found: Layout, source: number, target: number, bends: readonly number[]): string {
  const from: [number, number] = [x(found, source) + WIDTH, y(found, source) + HEIGHT / 2];
  const to: [number, number] = [x(found, target), y(found, target) + HEIGHT / 2];
  const step = Math.sign((found.column[target] ?? 0) - (found.column[source] ?? 0)) || 1;
  const between = bends.flatMap((row, place): [number, number][] => {
    const left = EDGE + ((found.column[source] ?? 0) + step * (place + 1)) * ACROSS;
    const height = EDGE + row * DOWN + HEIGHT / 2;
    return step > 0 ? [[left, height], [left + WIDTH, height]] : [[left + WIDTH, height], [left, height]];
  });
  if (step < 0 && !between.length) return circle(from, to);
  let path = `M${from.join(" ")}`;
  let last = from;
  for (const next of [...between, to]) {
    const half = Math.max(24, Math.abs(next[0] - last[0]) / 2) * (step > 0 ? 1 : -1);
    path += ` C${last[0] + half} ${last[1]} ${next[0] - half} ${next[1]} ${next[0]} ${next[1]}`;
    last = next;
  }
  return path;
}

/** Back to the column before, below both boxes: what a run made that it used itself. */
function circle(from: [number, number], to: [number, number]): string {
  const below = Math.max(from[1], to[1]) + HEIGHT * 0.9;
  return `M${from.join(" ")} C${from[0] + 40} ${from[1]} ${from[0] + 30} ${below} ${(from[0] + to[0]) / 2} ${below} S${to[0] - 40} ${to[1]} ${to[0]} ${to[1]}`;
}

/** Arrow keys: to what it came from and what came of it, and up and down the column. */
function walk(event: KeyboardEvent, graph: Graph, found: Layout): void {
  const at = Number((event.target as Element).closest("a")?.getAttribute("data-place") ?? Number.NaN);
  const next = neighbour(graph, found, at, event.key);
  if (next === undefined) return;
  event.preventDefault();
  const svg = (event.currentTarget as Element | null) ?? undefined;
  svg?.querySelector<SVGAElement>(`a[data-place="${next}"]`)?.focus();
}

/** The node to which a key leads from another one; undefined where there is none. */
export function neighbour(graph: Graph, found: Layout, at: number, key: string): number | undefined {
  const nearest = (nodes: number[]) =>
    nodes
      .filter((node) => node !== at && graph.nodes[node]?.ref)
      .sort((a, b) => Math.abs(found.row[a]! - found.row[at]!) - Math.abs(found.row[b]! - found.row[at]!))[0];
  const all = [...graph.nodes.keys()].filter((node) => found.column[node] === found.column[at]);
  switch (key) {
    case "ArrowLeft": return nearest(graph.edges.filter(([, target]) => target === at).map(([source]) => source));
    case "ArrowRight": return nearest(graph.edges.filter(([source]) => source === at).map(([, target]) => target));
    case "ArrowUp": return nearest(all.filter((node) => found.row[node]! < found.row[at]!));
    case "ArrowDown": return nearest(all.filter((node) => found.row[node]! > found.row[at]!));
    default: return undefined;
  }
}

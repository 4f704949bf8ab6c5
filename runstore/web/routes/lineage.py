"""Which runs logged and used which versions: the graph around one of them, and the artifacts of one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from runstore.query.api import Api
from runstore.query.artifacts.automatic import is_automatic, without_automatic
from runstore.query.artifacts.byrun import OfRun, artifacts_of_run
from runstore.query.artifacts.graph import Edge, Lineage, Node, lineage_of
from runstore.web.artifactrefs import named_ref
from runstore.web.asking import Asked
from runstore.web.reading import run_of
from runstore.web.refs import parse_run_ref
from runstore.web.routes.artifacts import asked_version, automatic_json, version_json
from runstore.web.site import Site

_DEPTH = 4
_MOST_NODES = 300  # which nobody can read in one drawing


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    return [site.get("/api/lineage", lineage), site.get("/api/run/artifacts", of_run)]


def lineage(api: Api, asked: Asked) -> object:
    """Answer with what is around a version, `ref`, or a run, `run`: nodes by their places, the start first, and edges.

    `depth` edges away, 0 for all. Of more than `most` nodes those that are farthest are left out, and counted. What
    tools made by themselves and no run used is only counted, unless it is asked for, by `automatic=1`.
    """
    depth = asked.number("depth", _DEPTH, 1000) or None
    if asked.text("run", ""):
        found = lineage_of(api.known_artifacts(), parse_run_ref(asked.text("run")), depth)
    else:
        found = lineage_of(*asked_version(api, asked), depth)
    less, hidden = without_automatic(found)
    found = found if asked.text("automatic", "") == "1" else less
    nodes = _nearest(found, asked.number("most", _MOST_NODES, _MOST_NODES))
    shown = {node: place for place, node in enumerate(nodes)}
    edges = [_edge(edge, shown) for edge in found.edges if edge.source in shown and edge.target in shown]
    return {
        "nodes": [_node(node, found.types.get(node, ""), found.names.get(node, "")) for node in nodes],
        "edges": edges,
        "left_out": len(found.nodes) - len(nodes),
        **automatic_json(Counter(found.types[node] for node in hidden)),
    }


def of_run(api: Api, asked: Asked) -> object:
    """Answer with the versions that a run used, and those that it logged."""
    run = run_of(api, asked.text("ref"))
    known = api.known_artifacts()
    return {
        "used": [_of_run(each) for each in artifacts_of_run(known, run.place, used=True)],
        "logged": [_of_run(each) for each in artifacts_of_run(known, run.place, used=False)],
    }


def _nearest(found: Lineage, most: int) -> list[Node]:
    """Return the nodes nearest to the start, in both directions alike; edges come in order of their distance."""
    nodes = {found.start: None}
    longest = max(len(found.before), len(found.after))
    for place in range(longest):
        for edges in (found.before, found.after):
            for node in edges[place][:2] if place < len(edges) else ():
                if len(nodes) < most:
                    nodes.setdefault(node)
    return list(nodes)


def _node(node: Node, kind: str, name: str) -> dict[str, Any]:
    ref = named_ref(node.name) if node.known else ""
    return {
        "kind": node.kind,
        "name": name or node.name.rpartition("/")[2],
        "path": node.name,
        "type": kind,
        "ref": ref,
    }


def _edge(edge: Edge, shown: dict[Node, int]) -> tuple[int, int, str]:
    return shown[edge.source], shown[edge.target], edge.how


def _of_run(each: OfRun) -> dict[str, Any]:
    is_made = is_automatic(each.type, each.name)
    said = {"shown": each.name, "type": each.type, "at": each.at, "automatic": is_made}
    return {**said, "version": None if each.version is None else version_json(each.version)}

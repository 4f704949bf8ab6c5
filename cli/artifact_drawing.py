"""Lineage as text: a tree for a terminal, DOT for Graphviz, an object for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runstore.cli.table import printable
from runstore.query.artifacts.graph import RUN, Edge, Lineage, Node

_ABOVE = "  (above)"
_DOT_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n"})


def as_tree(lineage: Lineage) -> list[str]:
    """Return lines: the start, then what it came from, then what came of it, each step indented."""
    lines = [_label(lineage, lineage.start)]
    for title, edges, back in (("came from", lineage.before, True), ("led to", lineage.after, False)):
        if edges:
            lines += ["", f"{title}:", *_branches(lineage, edges, back)]
    if len(lines) == 1:
        lines.append("nothing is known of where it came from, or what came of it")
    return lines


def as_dot(lineage: Lineage) -> list[str]:
    """Return a directed graph: boxes are runs, ellipses versions; the start is drawn bold."""
    names = {node: f"n{number}" for number, node in enumerate(lineage.nodes)}
    lines = ["digraph lineage {", "  rankdir=LR;"]
    for node, name in names.items():
        label = _quoted("\n".join(filter(None, (node.name, lineage.types.get(node)))))
        shape = "box" if node.kind == RUN else "ellipse"
        style = "bold" if node == lineage.start else "solid" if node.known else "dashed"
        lines.append(f"  {name} [label={label}, shape={shape}, style={style}];")
    edges = [f"  {names[edge.source]} -> {names[edge.target]} [label={edge.how}];" for edge in lineage.edges]
    return [*lines, *edges, "}"]


def as_json_object(lineage: Lineage) -> dict[str, Any]:
    """Return nodes and edges, which name their nodes by `kind:name`, since a run and a version may share a name."""
    types = lineage.types
    nodes = [
        {"id": _id(node), "kind": node.kind, "name": node.name, "type": types.get(node, ""), "known": node.known}
        for node in lineage.nodes
    ]
    edges = [{"from": _id(edge.source), "to": _id(edge.target), "how": edge.how} for edge in lineage.edges]
    return {"start": _id(lineage.start), "nodes": nodes, "edges": edges}


def _branches(lineage: Lineage, edges: Sequence[Edge], back: bool) -> Iterator[str]:
    """Yield a line for each edge, below the node that it is met from; without recursion, since chains may be long."""
    at: dict[Node, list[Node]] = {}
    for edge in edges:
        near, far = (edge.target, edge.source) if back else (edge.source, edge.target)
        at.setdefault(near, []).append(far)
    shown = {lineage.start}
    waiting = _pushed(at, lineage.start, "")
    while waiting:
        indent, is_last, node = waiting.pop()
        line = f"{indent}{'└─ ' if is_last else '├─ '}{_label(lineage, node)}"
        if node in shown:
            yield line + (_ABOVE if node in at or node == lineage.start else "")
            continue
        yield line
        shown.add(node)
        waiting += _pushed(at, node, indent + ("   " if is_last else "│  "))


def _pushed(at: Mapping[Node, Sequence[Node]], node: Node, indent: str) -> list[tuple[str, bool, Node]]:
    """Return the nodes beyond one, the last first, as a stack needs them."""
    beyond = at.get(node, ())
    return [(indent, number == len(beyond) - 1, far) for number, far in enumerate(beyond)][::-1]


def _label(lineage: Lineage, node: Node) -> str:
    what = "run " if node.kind == RUN else ""
    kind = lineage.types.get(node)
    unknown = "" if node.known else ", its log is not here"
    about = f"  ({kind}{unknown})" if kind else unknown
    return printable(f"{what}{node.name}{about}")


def _id(node: Node) -> str:
    return f"{node.kind}:{node.name}"


def _quoted(text: str) -> str:
    return '"' + text.translate(_DOT_ESCAPES) + '"'

"""Artifacts that nobody made on purpose: each table that is logged is one, and the tools keep some for themselves.

They are most of all that there are, and seldom looked for; so lists and drawings may leave them out.
"""

from __future__ import annotations

from runstore.query.artifacts.graph import USED, VERSION, Lineage, Node

# Type -> how the names of those begin that the tools make by themselves.
_OF_TOOLS = {"run_table": "run-", "job": ""}
_TYPES_OF_TOOLS = "wandb-"
_TABLES = ("run_table", "wandb-run-incremental-table")


def is_automatic(kind: str, name: str) -> bool:
    """Whether an artifact of this type and name was made by a tool, unasked."""
    return kind.startswith(_TYPES_OF_TOOLS) or (kind in _OF_TOOLS and name.startswith(_OF_TOOLS[kind]))


def is_of_table(kind: str) -> bool:
    """Whether an automatic artifact of this type holds a logged table."""
    return kind in _TABLES


def without_automatic(found: Lineage) -> tuple[Lineage, list[Node]]:
    """Return a lineage without the automatic versions that no run is known to have used, and these by themselves."""
    needed = {edge.source for edge in found.edges if edge.how == USED} | {found.start}
    hidden = [node for node in found.nodes if node not in needed and _is_automatic(node, found)]
    gone = set(hidden)
    before, after = ([edge for edge in edges if not gone & set(edge[:2])] for edges in (found.before, found.after))
    return Lineage(found.start, before, after, found.types, found.names), hidden


def _is_automatic(node: Node, found: Lineage) -> bool:
    return node.kind == VERSION and is_automatic(found.types.get(node, ""), node.name.rpartition("/")[2])

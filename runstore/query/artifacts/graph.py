"""Lineage: which runs logged which versions, which runs used them, and so on, up and down from one of them.

Nodes are runs, and versions as they were logged: one that was linked to other collections is one node. A run may use a
version that it logged itself, so the graph may have circles; each node and each edge is in it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from runstore.core.identity import RunPath
from runstore.core.moves import CollectionPath
from runstore.errors import NotFound
from runstore.query.artifacts.registry import Registry, Version

RUN, VERSION = "run", "artifact"
LOGGED, USED = "logged", "used"

_ID_SHOWN = 8
_OF_RUN = "r.id, r.entity, r.project, r.run_id, r.job_type, r.name"


class Node(NamedTuple):
    """A run, by its path, or a version, by its qualified name. `known` is False where its own log is not here."""

    kind: str
    name: str
    known: bool = True


class Edge(NamedTuple):
    """How data went from one node to the other: a run logged a version, or a version was used by a run."""

    source: Node
    target: Node
    how: str


@dataclass
class Lineage:
    """What is around a node: `before` are the edges by which it came about, `after` those by which others came of it.

    `types` says what versions are, such as "model", and what job the runs did, as far as it is known; `names` what
    people call the runs.
    """

    start: Node
    before: list[Edge] = field(default_factory=list)
    after: list[Edge] = field(default_factory=list)
    types: dict[Node, str] = field(default_factory=dict)
    names: dict[Node, str] = field(default_factory=dict)

    @property
    def edges(self) -> list[Edge]:
        """All edges, each once."""
        return list(dict.fromkeys([*self.before, *self.after]))

    @property
    def nodes(self) -> list[Node]:
        """All nodes, each once, the start first."""
        return list(dict.fromkeys([self.start, *(node for edge in self.edges for node in edge[:2])]))


def lineage_of(known: Registry, start: Version | RunPath, depth: int | None = None) -> Lineage:
    """Return what is around a version or a run, at most `depth` edges away, or all. Costs two queries for each node."""
    asking = _Asking(known)
    node = asking.node_of(start)
    found = Lineage(node, types=asking.types, names=asking.names)
    found.before = _walked(node, asking.before, lambda edge: edge.source, depth)
    found.after = _walked(node, asking.after, lambda edge: edge.target, depth)
    return found


def _walked(
    start: Node, edges_at: Callable[[Node], list[Edge]], far_end: Callable[[Edge], Node], depth: int | None
) -> list[Edge]:
    """Return all edges that are met on the way from a node, the nearest first."""
    found: dict[Edge, None] = {}
    seen, at = {start}, [start]
    steps = 0
    while at and (depth is None or steps < depth):
        edges = [edge for node in at for edge in edges_at(node)]
        found.update(dict.fromkeys(edges))
        at = list(dict.fromkeys(node for node in map(far_end, edges) if node not in seen))
        seen.update(at)
        steps += 1
    return list(found)


class _Asking:
    """Asks the index for the edges at a node."""

    def __init__(self, known: Registry) -> None:
        self._known, self._connection = known, known.connection
        self.types: dict[Node, str] = {}
        self.names: dict[Node, str] = {}
        self._runs: dict[Node, int] = {}  # rows
        self._members: dict[Node, tuple[str, ...]] = {}  # client ids

    def node_of(self, start: Version | RunPath) -> Node:
        """Return the node of a version, in the collection that it was logged into, or of a run."""
        if isinstance(start, Version):
            return self._version(start.client_id) or self._remembered(start)
        row = self._connection.execute(
            f"SELECT {_OF_RUN} FROM runs AS r WHERE entity = ? AND project = ? AND run_id = ?", start
        ).fetchone()
        if row is None:
            raise NotFound(f"there is no run {'/'.join(start)}")
        return self._run(*row)

    def before(self, node: Node) -> list[Edge]:
        """Return the edges that lead to a node."""
        if node.kind == VERSION:
            return [Edge(run, node, LOGGED) for run in self._runs_of(node, used=False)]
        return [Edge(version, node, USED) for version in self._versions_of(node, used=True)]

    def after(self, node: Node) -> list[Edge]:
        """Return the edges that lead away from a node."""
        if node.kind == VERSION:
            return [Edge(node, run, USED) for run in self._runs_of(node, used=True)]
        return [Edge(node, version, LOGGED) for version in self._versions_of(node, used=False)]

    def _runs_of(self, node: Node, used: bool) -> list[Node]:
        query = (
            f"SELECT {_OF_RUN} FROM artifacts AS a JOIN logs AS l ON l.id = a.log"
            " JOIN runs AS r ON r.id = l.run WHERE a.client_id = ? AND a.used = ? ORDER BY a.time, r.run_id"
        )
        rows = [row for one in self._members[node] for row in self._connection.execute(query, (one, used)).fetchall()]
        return list(dict.fromkeys(self._run(*row) for row in rows))

    def _versions_of(self, node: Node, used: bool) -> list[Node]:
        query = (
            "SELECT a.client_id, a.name, a.version, a.type FROM artifacts AS a JOIN logs AS l ON l.id = a.log"
            " WHERE l.run = ? AND a.used = ? ORDER BY l.started_at, a.log, a.place"
        )
        rows = self._connection.execute(query, (self._runs[node], used)).fetchall()
        nodes = (self._version(row[0]) or self._unknown(*row) for row in rows)
        return list(dict.fromkeys(nodes))

    def _run(self, row: int, entity: str, project: str, run_id: str, job_type: str, name: str) -> Node:
        node = Node(RUN, str(RunPath(entity, project, run_id)))
        self._runs[node] = row
        self.types[node] = job_type
        self.names[node] = name or run_id
        return node

    def _version(self, client_id: str) -> Node | None:
        version = self._known.by_client_id(client_id)
        return None if version is None else self._remembered(version)

    def _remembered(self, version: Version) -> Node:
        node = Node(VERSION, version.qualified_name)
        if node not in self._members:
            self.types[node] = version.type
            self._members[node] = tuple(self._client_ids(version.collection, version.number)) or (version.client_id,)
        return node

    def _client_ids(self, collection: CollectionPath, number: int) -> Iterable[str]:
        """Return the artifacts that are this version: one, or several with the same content."""
        found = self._connection.execute(
            "SELECT m.client_id FROM members AS m JOIN collections AS c ON c.id = m.collection"
            " WHERE c.entity = ? AND c.project = ? AND c.name = ? AND m.number = ?",
            (*collection, number),
        )
        return (client_id for (client_id,) in found)

    def _unknown(self, client_id: str, name: str, version: str, kind: str) -> Node:
        """Return the node of an artifact whose own log is not here, by what the run says that used it."""
        node = Node(VERSION, f"{name}:{version}" if version else name, known=False)
        if self._members.get(node, (client_id,)) != (client_id,):  # another one of this name
            node = node._replace(name=f"{node.name} ({client_id[:_ID_SHOWN]})")
        self._members[node] = (client_id,)
        self.types[node] = kind
        return node

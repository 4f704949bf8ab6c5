"""Graphs: the modules of a model, what goes in and out of them, and how they are joined."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import ArtifactFolder, StoredFolder, WrongMedia
from runstore.sdk.media.onefile import FileMedia, file_json

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

_ATTRIBUTES = (
    "id",
    "name",
    "class_name",
    "size",
    "parameters",
    "output_shape",
    "is_output",
    "num_parameters",
    "child_parameters",
    "is_constant",
    "functions",
)


class Node:
    """One module, layer or operation.

    Its attributes are id (unique in the graph), name, class_name, size, parameters, output_shape, is_output,
    num_parameters, child_parameters, is_constant and functions; those that were set are recorded.
    """

    def __init__(
        self,
        id: Any = None,  # noqa: A002 - W&B's name for it
        name: str | None = None,
        class_name: str | None = None,
        size: Any = None,
        parameters: Any = None,
        output_shape: Any = None,
        is_output: bool | None = None,
        num_parameters: Any = None,
        node: Node | None = None,
    ) -> None:
        """`node` is one to take everything but the id from."""
        self._attributes: dict[str, Any] = {"name": None}
        if node is not None:
            self._attributes |= {name: value for name, value in node._attributes.items() if name != "id"}
        given = (id, name, class_name, size, parameters, output_shape, is_output, num_parameters)
        for attribute, value in zip(_ATTRIBUTES, given, strict=False):
            if value is not None:
                setattr(self, attribute, value)

    def __getattr__(self, name: str) -> Any:
        if name not in _ATTRIBUTES:
            raise AttributeError(f"a Node has no {name!r}")
        return self._attributes.get(name, [] if name in ("functions", "parameters") else None)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ATTRIBUTES:
            self._attributes[name] = tuple(value) if name == "size" else value
        else:
            super().__setattr__(name, value)

    def to_json(self, run: object = None) -> dict[str, Any]:
        """Return the attributes that were set."""
        return self._attributes

    def __repr__(self) -> str:
        return repr(self._attributes)


class Edge:
    """A connection between two nodes."""

    def __init__(self, from_node: Node, to_node: Node) -> None:
        self.from_node = from_node
        self.to_node = to_node
        self.name: str | None = None

    def to_json(self, run: object = None) -> list[Any]:
        """Return the ids of both ends."""
        return [self.from_node.id, self.to_node.id]

    def __repr__(self) -> str:
        return repr({"name": self.name, "from_id": self.from_node.id, "to_id": self.to_node.id})


class Graph(FileMedia):
    """A model as nodes and edges. What was added until it is logged is recorded."""

    log_type = "graph-file"
    folder = "graph"

    def __init__(self, format: str = "keras") -> None:  # noqa: A002 - W&B's name for it
        """`format` says how W&B's pages draw it: "keras" or "torch"."""
        super().__init__()
        self.format = format
        self.nodes: list[Node] = []
        self.nodes_by_id: dict[Any, Node] = {}
        self.edges: list[Edge] = []
        self.root: Node | None = None

    def add_node(self, node: Node | None = None, **node_kwargs: Any) -> Node:
        """Add `node`, or one that is made of the other arguments, and return it.

        Raises WrongMedia, a ValueError, where both are given.
        """
        if node is None:
            node = Node(**node_kwargs)
        elif node_kwargs:
            raise WrongMedia(f"add_node takes a node or what to make one of, not both: {sorted(node_kwargs)}")
        self.nodes.append(node)
        self.nodes_by_id[node.id] = node
        return node

    def add_edge(self, from_node: Node, to_node: Node) -> Edge:
        """Connect two nodes, and return the connection."""
        edge = Edge(from_node, to_node)
        self.edges.append(edge)
        return edge

    @classmethod
    def from_keras(cls, model: Any) -> Graph:
        """Return the layers of a Keras model, joined as their inputs are. Keras 3 no longer tells all of that."""
        graph = cls()
        for layer in model.layers:
            node = _of_layer(layer)
            for inbound in getattr(layer, "_inbound_nodes", ()):
                sources = getattr(inbound, "inbound_layers", ())
                for source in sources if isinstance(sources, (list, tuple)) else [sources]:
                    known = graph.nodes_by_id.get(source.name) or graph.add_node(_of_layer(source))
                    graph.add_edge(known, node)
            if node.id not in graph.nodes_by_id:
                graph.add_node(node)
        return graph

    def __getitem__(self, node_id: Any) -> Node:
        return self.nodes_by_id[node_id]

    def recorded(self, recorder: Recorder, key: str, step: int | str) -> dict[str, Any]:
        """See Media.recorded; the graph as it is now."""
        self._write_down()
        self._record(recorder, key, step)
        return self._json()

    def in_artifact(self, artifact: ArtifactFolder) -> Any:
        """See Media.in_artifact; the graph as it is now."""
        self._write_down()
        return super().in_artifact(artifact)

    def _understand(self, said: Mapping[str, Any], folder: StoredFolder) -> None:
        tree = json.loads(self._content())
        self.format, self.nodes, self.nodes_by_id, self.edges, self.root = tree["format"], [], {}, [], None
        for node in tree["nodes"]:
            self.add_node(**node)
        for one, other in tree["edges"]:
            self.add_edge(self.nodes_by_id[one], self.nodes_by_id[other])

    def _write_down(self) -> None:
        tree = {
            "format": self.format,
            "nodes": [node.to_json() for node in self.nodes],
            "edges": [edge.to_json() for edge in self.edges],
        }
        self._from_bytes(file_json(tree), "graph.json")


def _of_layer(layer: Any) -> Node:
    """Return the node of a Keras layer."""
    shape = getattr(layer, "output_shape", None) or ["multiple"]
    name = layer.name
    kind = type(layer).__name__
    return Node(id=name, name=name, class_name=kind, output_shape=shape, num_parameters=layer.count_params())

"""The modules of a torch model as a graph, filled in while data passes through the model for the first time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from runstore.sdk.media.graph import Graph, Node

_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")  # their children stand for themselves
_MAX_DEPTH = 8  # of nested outputs; deeper ones are no tensors that a person would look at


class ModelGraph:
    """The graph of one model, to which each of its modules is added when its first output is there."""

    def __init__(self, model: Any, nn: Any, complete: Callable[[], None]) -> None:
        """`nn` is torch.nn; `complete` is called when the last module was seen."""
        self.graph = Graph("torch")
        self._complete = complete
        self._waiting = {id(module): name for name, module in _modules(model, nn, "")}
        self.modules = [module for _, module in _modules(model, nn, "")]

    def is_partial(self) -> bool:
        """Return whether some modules were seen and others not, such as a head that is not in use."""
        return bool(self._waiting) and bool(self.graph.nodes)

    def seen(self, module: Any, _input: Any, output: Any) -> None:
        """Add a module, whose output this is; a forward hook of torch's."""
        name = self._waiting.pop(id(module), None)
        if name is None:
            return
        parameters = [(name, list(parameter.size())) for name, parameter in module.named_parameters()]
        self.graph.add_node(
            Node(
                id=id(module),
                name=name,
                class_name=str(module),
                output_shape=shape_of(output if isinstance(output, tuple) else (output,)),
                parameters=parameters,
                num_parameters=[math.prod(size) for _, size in parameters],
            )
        )
        if not self._waiting:
            self._complete()


def shape_of(value: Any, depth: int = 0) -> Any:
    """Return the shape of a tensor, the shapes of what is nested in tuples, lists and dicts; [] for anything else."""
    size = getattr(value, "size", None)
    if callable(size):
        return list(size())
    if hasattr(value, "shape"):
        return list(value.shape)
    if isinstance(value, Mapping):
        value = value.values()
    if depth > _MAX_DEPTH or isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return []
    return [shape_of(item, depth + 1) for item in value]


def _modules(model: Any, nn: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield name and module of the model's children; containers stand for what they hold."""
    containers = tuple(getattr(nn, name) for name in _CONTAINERS)
    for name, module in model.named_children():
        if isinstance(module, containers):
            yield from _modules(module, nn, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", module

"""Watch torch models: histograms of their gradients and parameters, and a graph of their modules.

torch is not imported here: a model that can be watched has brought it. The hooks hang on the model until `unwatch`, or
until the run ends; copies and pickles of the model carry none that does anything.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runstore.errors import StorageError
from runstore.sdk.media.base import SUMMARY_STEP, WrongMedia, WrongMediaType
from runstore.sdk.models.tensorbins import binned
from runstore.sdk.models.topology import ModelGraph
from runstore.sdk.part import Part

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

_WHAT_TO_LOG = ("gradients", "parameters", "all", None)


@dataclass
class _Watched:
    """What hangs on one model."""

    model: weakref.ref[Any]
    hooks: dict[str, Any]  # name -> what takes the hook off
    graphs: dict[str, ModelGraph]  # key of the summary -> what was not recorded yet


class Watching(Part):
    """The models that a run watches."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._watched: dict[int, _Watched] = {}  # by the model's id
        self._next_index = 0

    def watch(
        self, models: Any, criterion: Any, log: str | None, log_freq: int, idx: int | None, log_graph: bool
    ) -> None:
        """See Run.watch. `criterion` is accepted as W&B's is, and not needed.

        Raises WrongMedia, a ValueError, for an unknown `log` and for what is watched under the same name already;
        WrongMediaType, a TypeError, for what is no model of torch's.
        """
        if log not in _WHAT_TO_LOG:
            raise WrongMedia(f'watch logs "gradients", "parameters", "all" or None, not {log!r}')
        models = list(models) if isinstance(models, (tuple, list)) else [models]
        for model in models:
            _check(model)
        first = self._next_index if idx is None else idx
        self._next_index += len(models)
        for index, model in enumerate(models, first):
            prefix = f"graph_{index}" if index > 0 else ""
            if log in ("parameters", "all"):
                self._watch_parameters(model, prefix, log_freq)
            if log in ("gradients", "all"):
                self._watch_gradients(model, prefix, log_freq)
            if log_graph:
                self._watch_graph(model, f"graph_{index}")

    def unwatch(self, models: Any = None) -> None:
        """See Run.unwatch."""
        for model in models if isinstance(models, (tuple, list)) else [] if models is None else [models]:
            watched = self._watched.get(id(model))
            if watched is None or watched.model() is not model:
                self.recorder.warn(f"unwatch: this {type(model).__name__} is not being watched")
            else:
                self._take_off(id(model))
        if models is None or models == [] or models == ():
            self._take_all_off()

    def stop(self) -> None:
        """Take all hooks off. Graphs of which some modules were never used are recorded as far as they are known."""
        for watched in list(self._watched.values()):
            for key, graph in list(watched.graphs.items()):
                if graph.is_partial():
                    self._record_graph(watched, key)
        self._take_all_off()

    def _watch_parameters(self, model: Any, prefix: str, every: int) -> None:
        def record(module: Any, _input: Any, _output: Any) -> None:
            for name, parameter in module.named_parameters():
                self._record(f"parameters/{prefix}{name}", parameter.data)

        self._hang(model, f"parameters/{prefix}", lambda: model.register_forward_hook(_Hook(record, every)))

    def _watch_gradients(self, model: Any, prefix: str, every: int) -> None:
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                key = f"gradients/{prefix}{name}"
                self._hang_on_parameter(model, key, parameter, every)

    def _hang_on_parameter(self, model: Any, key: str, parameter: Any, every: int) -> None:
        hook = _Hook(lambda gradient: self._record(key, gradient), every)
        self._hang(model, key, lambda: parameter.register_hook(hook))

    def _watch_graph(self, model: Any, key: str) -> None:
        watched = self._of(model)
        if any(name.startswith("topology/") for name in watched.hooks):
            raise WrongMedia(f"the graph of this {type(model).__name__} is being logged already; unwatch it first")
        graph = ModelGraph(model, sys.modules["torch"].nn, lambda: self._record_graph(watched, key))
        watched.graphs[key] = graph
        for module in graph.modules:
            register = functools.partial(module.register_forward_hook, _Hook(graph.seen, 1))
            self._hang(model, f"topology/{id(module)}", register)

    def _hang(self, model: Any, name: str, register: Callable[[], Any]) -> None:
        """Register a hook under `name`, which no other model and no other hook may have."""
        if name.startswith("gradients/") and self._is_taken(name):
            raise WrongMedia(f"{name} is being logged already; unwatch its model first, or give another idx")
        hooks = self._of(model).hooks
        try:
            hook = register()
        except RuntimeError as error:
            self.recorder.warn(f"watch: {name} can't be logged, since torch takes no hook here ({error})")
            return
        if name in hooks:
            hooks[name].remove()
        hooks[name] = hook

    def _is_taken(self, name: str) -> bool:
        return any(name in watched.hooks and watched.model() is not None for watched in self._watched.values())

    def _of(self, model: Any) -> _Watched:
        watched = self._watched.get(id(model))
        if watched is None or watched.model() is not model:  # the id of a model that is no more
            watched = self._watched[id(model)] = _Watched(weakref.ref(model), {}, {})
        return watched

    def _record(self, name: str, tensor: Any) -> None:
        """Add a tensor's histogram to the row that is next; never ends the training that called the hook."""
        if self.recorder.finished:
            return
        try:
            histogram = binned(tensor)
        except (RuntimeError, TypeError, ValueError) as error:
            self.recorder.warn(f"watch: {name} could not be counted in bins ({error})")
            return
        if histogram is not None:
            self.recorder.log({name: histogram}, None, False)

    def _record_graph(self, watched: _Watched, key: str) -> None:
        graph = watched.graphs.pop(key, None)
        if graph is None or self.recorder.finished:
            return
        try:
            self.recorder.summary[key] = graph.graph.recorded(self.recorder, key, SUMMARY_STEP)
        except (OSError, StorageError) as error:
            self.recorder.warn(f"watch: the model's graph could not be written ({error})")

    def _take_off(self, model_id: int) -> None:
        for hook in self._watched.pop(model_id).hooks.values():
            hook.remove()

    def _take_all_off(self) -> None:
        for model_id in list(self._watched):
            self._take_off(model_id)


class _Hook:
    """Calls `record` on every n-th call. A copy of it, or a pickle, does nothing, and needs nothing of ours."""

    def __init__(self, record: Callable[..., None], every: int) -> None:
        self._record = record
        self._every = every
        self._calls = 0

    def __call__(self, *arguments: Any) -> None:
        self._calls += 1
        if self._calls >= self._every:
            self._calls = 0
            self._record(*arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        # A callable of the standard library's that takes anything and returns None, which leaves outputs as they are.
        return getattr, (contextlib.nullcontext(), "__exit__")


def _check(model: Any) -> None:
    """Raise WrongMediaType unless `model` is one of torch's."""
    module = getattr(getattr(sys.modules.get("torch"), "nn", None), "Module", None)
    if module is None or not isinstance(model, module):
        raise WrongMediaType(f"watch takes a torch.nn.Module or a list of them, not {type(model).__name__}")

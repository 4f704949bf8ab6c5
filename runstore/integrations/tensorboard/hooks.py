"""Call something after the making of TensorBoard's writers, in whatever library makes them, now and later.

A library that is not imported yet is attended to when it is: to import it here would cost every program seconds.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from runstore.integrations.tensorboard.written import Written

# What is told: the folder, and what counts what a writer is given.
Tell = Callable[[str, Written], None]

_WRITER_CLASSES = {
    "tensorboard.summary.writer.event_file_writer": "EventFileWriter",  # torch.utils.tensorboard uses it
    "tensorboardX.event_file_writer": "EventFileWriter",
}
_TENSORFLOW = "tensorflow.python.ops.gen_summary_ops"
_TENSORFLOW_FUNCTION = "create_summary_file_writer"
MODULES = frozenset((*_WRITER_CLASSES, _TENSORFLOW))


class Hooks:
    """The hooks of one `patch`; `remove` takes them out again."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._originals: list[tuple[Any, str, Any]] = []
        self._finder = _AfterImport(self._attend)
        for name in MODULES:
            if name in sys.modules:
                self._attend(sys.modules[name])
        sys.meta_path.insert(0, self._finder)

    def remove(self) -> None:
        """Put back what was there."""
        sys.meta_path.remove(self._finder)
        for owner, name, original in self._originals:
            setattr(owner, name, original)
        self._originals.clear()

    def _attend(self, module: ModuleType) -> None:
        if module.__name__ == _TENSORFLOW:
            self._replace(module, _TENSORFLOW_FUNCTION, _telling_function)
        else:
            self._replace(getattr(module, _WRITER_CLASSES[module.__name__]), "__init__", _telling_init)

    def _replace(self, owner: Any, name: str, wrapped: Callable[[Any, Tell], Any]) -> None:
        original = getattr(owner, name)
        self._originals.append((owner, name, original))
        setattr(owner, name, wrapped(original, self._tell))


def _telling_init(original: Any, tell: Tell) -> Any:
    @functools.wraps(original)
    def init(self: Any, logdir: Any, *args: Any, **kwargs: Any) -> None:
        written = Written()
        tell(str(logdir), written)  # before, so that the writer's own file is seen to be new
        original(self, logdir, *args, **kwargs)
        written.count(self)

    return init


def _telling_function(original: Any, tell: Tell) -> Any:
    @functools.wraps(original)
    def create(*args: Any, **kwargs: Any) -> Any:
        logdir = kwargs["logdir"] if "logdir" in kwargs else args[1]
        numpy = getattr(logdir, "numpy", None)
        tell(numpy().decode() if numpy is not None else str(logdir), Written())
        return original(*args, **kwargs)

    return create


class _AfterImport(MetaPathFinder):
    """Finds the modules as they would be found without it, and calls `attend` when one has been executed."""

    def __init__(self, attend: Callable[[ModuleType], None]) -> None:
        self._attend = attend

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the module's spec with a loader that tells; None for every other module."""
        if fullname not in MODULES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            _tell_after(spec.loader, self._attend)
        return spec


def _tell_after(loader: Loader, attend: Callable[[ModuleType], None]) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        attend(module)

    loader.exec_module = exec_module  # type: ignore[method-assign]

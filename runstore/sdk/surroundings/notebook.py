"""A Jupyter notebook as the program of a run: its kernel, its file, and the cells that were executed.

IPython is asked only where the program has loaded it; nothing of it, nor nbformat, is ever imported here.
"""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Mapping
from typing import Any

from runstore.runlog import wire
from runstore.settings import Settings

HISTORY_FILE = "code/_session_history.ipynb"  # in the folder `files`, as W&B's client names it
_FORMAT, _FORMAT_MINOR = 4, 4  # 4.5 would ask for an id in each cell
_STREAMS = {"out_stream": "stdout", "err_stream": "stderr"}


def kernel_shell() -> Any:
    """Return the IPython shell of a notebook's kernel, or None: no IPython, one in a terminal, or Spyder's console."""
    ipython = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)()
    return shell if hasattr(shell, "kernel") and "spyder_kernels" not in sys.modules else None


def notebook_path(settings: Settings, shell: Any) -> str:
    """Return the path of the notebook's file as far as it can be known; "" where it can't."""
    # Jupyter's server sets the variable for its kernels, VS Code the name in the notebook's own variables.
    return str(
        settings.notebook_name
        or getattr(shell, "user_ns", {}).get("__vsc_ipynb_file__")
        or os.environ.get("JPY_SESSION_NAME")
        or ""
    )


class Displays:
    """Remembers what cells display, which a shell does only for printed text and results."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._publisher = getattr(shell, "display_pub", None)
        self._shown: dict[int, list[dict[str, Any]]] = {}
        self.active = hasattr(self._publisher, "register_hook")
        if self._publisher is not None and self.active:
            self._publisher.register_hook(self._keep)

    def of_cell(self, count: int) -> list[dict[str, Any]]:
        """Return the outputs that the cell with this number displayed."""
        return self._shown.get(count, [])

    def close(self) -> None:
        """Remember no more."""
        if self._publisher is not None and self.active:
            self._publisher.unregister_hook(self._keep)

    def _keep(self, message: dict[str, Any]) -> dict[str, Any]:
        if message.get("msg_type") == "display_data":
            # The cell that runs is the last in the history. The shell's execution_count may be that of the next one.
            count = len(self._shell.history_manager.input_hist_raw) - 1
            content = message["content"]
            shown = {"data": content["data"], "metadata": content["metadata"]}
            self._shown.setdefault(count, []).append({"output_type": "display_data", **shown})
        return message


def executed_cells(shell: Any, displays: Displays) -> bytes | None:
    """Return the cells that were executed since the kernel was started, as a notebook; None where there are none."""
    history = shell.history_manager
    if history is None:
        return None
    errors = getattr(history, "exceptions", {})
    cells = [
        _cell(count, source, _outputs(count, history, displays, result), errors.get(count))
        for _, count, (source, result) in history.get_range(output=True)
    ]
    language = getattr(shell.kernel, "language_info", None) or {"name": "python", "version": sys.version.split()[0]}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": language},
        "nbformat": _FORMAT,
        "nbformat_minor": _FORMAT_MINOR,
    }
    return wire.dumps(notebook).encode("utf-8", "replace") if cells else None


def _cell(count: int, source: str, outputs: list[dict[str, Any]], error: Any) -> dict[str, Any]:
    if isinstance(error, Mapping):
        outputs.append({"output_type": "error", **{name: error.get(name) for name in ("ename", "evalue", "traceback")}})
    return {"cell_type": "code", "execution_count": count, "metadata": {}, "outputs": outputs, "source": source}


def _outputs(count: int, history: Any, displays: Displays, result: str | None) -> list[dict[str, Any]]:
    """Return a cell's outputs; where the shell keeps none, its result as text."""
    kept = [
        _output(count, output.output_type, output.bundle)
        for output in getattr(history, "outputs", {}).get(count) or ()
        if not (displays.active and output.output_type == "display_data")
    ]
    if result and not any(output["output_type"] == "execute_result" for output in kept):
        kept.append(_output(count, "execute_result", {"text/plain": result}))
    return [*displays.of_cell(count), *kept]


def _output(count: int, kind: str, bundle: Mapping[str, Any]) -> dict[str, Any]:
    if kind in _STREAMS:
        return {"output_type": "stream", "name": _STREAMS[kind], "text": "".join(bundle.get("stream", ()))}
    data = {name: _shown(value) for name, value in bundle.items()}
    counted = {"execution_count": count} if kind == "execute_result" else {}
    return {"output_type": kind, **counted, "data": data, "metadata": {}}


def _shown(value: Any) -> Any:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value

"""Runs of a notebook: in a real kernel, spoken to as Jupyter does, and with shells of other IPython versions."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runstore.sdk.surroundings.notebook import Displays, executed_cells, kernel_shell, notebook_path
from runstore.settings import Settings
from tests.sdk.reading import fold, only_log, program, records, succeeded
from tests.timing import PATIENCE_SECONDS

pytestmark = pytest.mark.surroundings

ROOT = Path(__file__).parents[2]
BEGIN = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import runstore
from runstore.sdk.surroundings import capture
from tests.timing import PATIENCE_SECONDS
capture.WAITED_SECONDS = PATIENCE_SECONDS
run = runstore.init(id="nb")
run._recorder.part(capture.Surroundings).start()
"""


class Kernel:
    """A kernel in a process of its own."""

    def __init__(self, folder: Path) -> None:
        client = pytest.importorskip("jupyter_client.blocking")
        pytest.importorskip("ipykernel")
        connection = folder / "kernel.json"
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(connection)]
        from jupyter_client.connect import write_connection_file

        # Sockets in the folder: of free ports, another test may have taken one before the kernel does.
        write_connection_file(str(connection), ip=str(folder / "at"), transport="ipc")
        self._process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._client = client.BlockingKernelClient()
        self._client.load_connection_file(str(connection))
        self._client.start_channels()
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _wait(self) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self._client.wait_for_ready(timeout=PATIENCE_SECONDS)
                return
            except RuntimeError:  # also where a kernel on a busy machine only seems to be dead
                if self._process.poll() is not None or time.monotonic() > until:
                    raise

    def run(self, source: str, fails: bool = False) -> None:
        reply = self._client.execute_interactive(source, output_hook=lambda message: None, timeout=2 * PATIENCE_SECONDS)
        assert (reply["content"]["status"] == "error") == fails, reply

    def close(self) -> None:
        self._client.stop_channels()
        self._process.kill()
        self._process.wait()


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    monkeypatch.setenv("WANDB_DISABLE_GIT", "true")
    monkeypatch.setenv("WANDB_SAVE_CODE", "true")
    monkeypatch.setenv("WANDB_NOTEBOOK_NAME", "work.ipynb")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    (tmp_path / "work.ipynb").write_text('{"cells": []}')
    started = Kernel(tmp_path)
    yield started
    started.close()


def test_the_cells_that_were_executed_are_kept(folder: Path, kernel: Kernel) -> None:
    kernel.run(BEGIN)
    kernel.run("class Shown:\n    def _repr_html_(self): return '<b>ü</b>'\ndisplay(Shown())\n40 + 2")
    kernel.run("1 / 0", fails=True)
    kernel.run("run.finish()")
    log = only_log(folder)
    files = log.parent / "files"
    notebook = json.loads((files / "code" / "_session_history.ipynb").read_text(encoding="utf-8"))
    first, second, third, last = notebook["cells"]
    assert (notebook["nbformat"], first["source"], last["source"]) == (4, BEGIN.rstrip(), "run.finish()")
    shown, result = second["outputs"]
    assert shown["data"]["text/html"] == "<b>ü</b>"
    assert (result["output_type"], result["data"]["text/plain"]) == ("execute_result", "42")
    if version("ipython") >= "9":  # older ones keep no exceptions
        assert third["outputs"][-1]["ename"] == "ZeroDivisionError"
    assert (third["source"], third["execution_count"]) == ("1 / 0", 3)
    assert fold(log).config["_wandb"] == {
        "code_path": "code/work.ipynb",
        "session_history": "code/_session_history.ipynb",
    }
    named = {item.path for record in records(log) for item in record.files.files}
    assert {"code/work.ipynb", "code/_session_history.ipynb"} <= named
    assert json.loads((files / "wandb-metadata.json").read_text())["program"] == "work.ipynb"


def test_the_notebook_is_kept_as_it_is_at_the_end(folder: Path, tmp_path: Path, kernel: Kernel) -> None:
    kernel.run(BEGIN)
    (tmp_path / "work.ipynb").write_text('{"cells": ["saved again"]}')
    kernel.run("run.finish()")
    assert "saved again" in (only_log(folder).parent / "files" / "code" / "work.ipynb").read_text()


def test_no_cells_are_kept_where_code_is_not_asked_for(folder: Path, kernel: Kernel) -> None:
    kernel.run("import os\nos.environ.pop('WANDB_SAVE_CODE')")
    kernel.run(BEGIN)
    kernel.run("run.finish()")
    assert not (only_log(folder).parent / "files" / "code").exists()


def test_a_plain_program_loads_nothing_of_ipython() -> None:
    source = """
    import sys, runstore
    from runstore.sdk.surroundings.capture import Surroundings
    run = runstore.init()
    run._recorder.part(Surroundings).start()
    run.finish()
    print([name for name in sys.modules if name.startswith(("IPython", "nbformat", "runstore.sdk.surroundings"))])
    """
    assert "IPython" not in succeeded(program(source, WANDB_SAVE_CODE="true"))


def test_ipython_in_a_terminal_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    def shell(found: object) -> None:
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: found))

    shell(None)
    assert kernel_shell() is None
    shell(SimpleNamespace())
    assert kernel_shell() is None
    shell(SimpleNamespace(kernel=None))
    assert kernel_shell() is not None
    monkeypatch.setitem(sys.modules, "spyder_kernels", SimpleNamespace())
    assert kernel_shell() is None


def test_the_notebooks_path_is_what_is_said_or_known(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = SimpleNamespace(user_ns={})
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert notebook_path(Settings(), shell) == ""
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/jupyter.ipynb")
    assert notebook_path(Settings(), shell) == "/home/me/jupyter.ipynb"
    shell.user_ns["__vsc_ipynb_file__"] = "/home/me/code.ipynb"
    assert notebook_path(Settings(), shell) == "/home/me/code.ipynb"
    assert notebook_path(Settings(notebook_name="said.ipynb"), shell) == "said.ipynb"


def test_shells_that_keep_results_as_text_alone_are_enough() -> None:
    def get_range(output: bool) -> list[tuple[int, int, tuple[str, str | None]]]:
        return [(0, 1, ("x = 1", None)), (0, 2, ("x", "1"))]

    shell: Any = SimpleNamespace(history_manager=SimpleNamespace(get_range=get_range), kernel=None)
    cells = json.loads(executed_cells(shell, Displays(shell)) or b"")["cells"]
    assert [cell["source"] for cell in cells] == ["x = 1", "x"]
    assert cells[0]["outputs"] == []
    assert cells[1]["outputs"][0]["data"] == {"text/plain": "1"}
    shell.history_manager.get_range = lambda output: []
    assert executed_cells(shell, Displays(shell)) is None
    shell.history_manager = None
    assert executed_cells(shell, Displays(shell)) is None


def test_outputs_of_every_kind_are_kept() -> None:
    outputs = [
        SimpleNamespace(output_type="out_stream", bundle={"stream": ["a", "b"]}),
        SimpleNamespace(output_type="display_data", bundle={"image/png": b"\x89PNG"}),
    ]
    error = {"ename": "E", "evalue": "v", "traceback": ["t"]}
    history = SimpleNamespace(
        get_range=lambda output: [(0, 1, ("cell", None))], outputs={1: outputs}, exceptions={1: error}
    )
    shell = SimpleNamespace(history_manager=history, kernel=None)
    (cell,) = json.loads(executed_cells(shell, Displays(shell)) or b"")["cells"]
    assert cell["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": "ab"},
        {"output_type": "display_data", "data": {"image/png": "iVBORw=="}, "metadata": {}},
        {"output_type": "error", **error},
    ]

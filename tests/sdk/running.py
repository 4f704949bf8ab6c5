"""Programs in a process of their own that tests talk to while they run."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.timing import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]


@contextmanager
def running(source: str, ready: bytes = b"ready\n", **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Give a Python program, as soon as it has written `ready` to stdout; it is dead behind the block.

    The environment is the test's, with `environment` over it; its stderr is a pipe, unless `options` say otherwise.
    """
    environment = options.pop("environment", {})
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(source)],
        cwd=ROOT,
        env={**os.environ, **environment},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )
    with process:
        try:
            if ready and process.stdout is not None:
                said = process.stdout.readline()
                assert said == ready, (said, process.communicate(timeout=PATIENCE_SECONDS))
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[bytes], seconds: float = PATIENCE_SECONDS) -> tuple[int, str, str]:
    """Wait for a program; return its code, negative for a signal, and what else it wrote."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, (out or b"").decode(), (err or b"").decode()

"""What all tests share."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.timing import Clock

# How long an example takes depends on who else uses the machine; speed is measured in bench/, not here.
settings.register_profile("runstore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# With RUNSTORE_TESTS_REPEATABLE, which continuous integration sets, the examples are the same each time: what fails
# there was broken by the change. Everybody else's runs look for new ones.
settings.register_profile("repeatable", settings.get_profile("runstore"), derandomize=True, database=None)
settings.load_profile("repeatable" if os.environ.get("RUNSTORE_TESTS_REPEATABLE") else "runstore")

# What a shell runs in its background it starts with SIGINT and SIGQUIT ignored, nohup with SIGHUP; programs that the
# tests start, and end by these, would inherit that.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def _temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let what programs put into the machine's folder for temporary files, and leave when killed, go with the rest."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("TMPDIR", str(tmp_path_factory.mktemp("tmp", numbered=False)))
        changed.setattr(tempfile, "tempdir", None)
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Let messages with names of files that are not UTF-8 pass between pytest's processes, which end over one."""
    report = yield
    report.sections = [(title, text.encode("utf-8", "backslashreplace").decode()) for title, text in report.sections]
    return report

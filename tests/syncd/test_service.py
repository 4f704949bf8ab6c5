"""What starts the daemon by itself: units, agents and lines for cron, and that installing them may be repeated."""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runstore.errors import DaemonError
from runstore.syncd import service, service_text
from runstore.syncd.service_text import Service

HOSTILE = Service(
    ("/opt/my python/bin/python3", "-m", "runstore", "daemon", "start"),
    {"RUNSTORE_HOME": '/data/100% "mine" $HOME\\x', "HTTPS_PROXY": "http://proxy:3128"},
)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose `systemctl`, `loginctl` and `crontab` note what they are told; nothing else is found."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (tmp_path / "said").touch()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def program(machine: Path, name: str, script: str = "") -> None:
    path = machine / "bin" / name
    path.write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin\necho "{name} $*" >> {machine}/said\n{script}\n')
    path.chmod(0o755)


def with_crontab(machine: Path) -> Path:
    kept = machine / "crontab"
    program(machine, "crontab", f'if [ "$1" = -l ]; then cat {kept} 2>/dev/null; else cat > {kept}; fi')
    return kept


def said(machine: Path) -> list[str]:
    return (machine / "said").read_text().splitlines()


def test_a_unit_holds_words_of_any_characters_as_systemd_reads_them() -> None:
    unit = service_text.systemd_unit(HOSTILE)
    assert 'ExecStart="/opt/my python/bin/python3" -m runstore daemon start --foreground\n' in unit
    assert r'Environment="RUNSTORE_HOME=/data/100%% \"mine\" $HOME\\x"' in unit
    assert "start $$5 --foreground\n" in service_text.systemd_unit(Service(("python", "start", "$5"), {}))
    assert "Environment=HTTPS_PROXY=http://proxy:3128\n" in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / service_text.UNIT
    unit.write_text(service_text.systemd_unit(Service((sys.executable, *HOSTILE.program[1:]), HOSTILE.environment)))
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(unit)], capture_output=True, text=True, env=environment, check=False
    )
    assert [line for line in done.stderr.splitlines() if service_text.UNIT in line] == [], done.stderr


def test_an_agent_is_a_property_list() -> None:
    agent = plistlib.loads(service_text.launchd_plist(HOSTILE).encode())
    assert agent["ProgramArguments"] == [*HOSTILE.program, "--foreground"]
    assert agent["EnvironmentVariables"] == HOSTILE.environment
    assert agent["RunAtLoad"] is True
    assert agent["KeepAlive"] == {"SuccessfulExit": False}


def test_a_shell_reads_from_the_lines_of_cron_what_was_meant() -> None:
    boot, often = service_text.cron_lines(HOSTILE).splitlines()
    assert boot.startswith("@reboot ")
    assert often.startswith("*/5 * * * * ")
    command = often.removeprefix("*/5 * * * * ").partition(" >")[0].replace("\\%", "%")
    assert shlex.split(command) == [
        *(f"{name}={value}" for name, value in HOSTILE.environment.items()),
        *HOSTILE.program,
        "--if-needed",
    ]
    with pytest.raises(DaemonError, match="line break"):
        service_text.cron_lines(Service(("python",), {"RUNSTORE_HOME": "/a\nb"}))


def test_a_token_stands_in_a_unit_and_not_in_a_command_that_everybody_sees(machine: Path) -> None:
    secret = Service(HOSTILE.program, {**HOSTILE.environment, "RUNSTORE_TOKEN": "rs_secret"})
    assert "RUNSTORE_TOKEN=rs_secret" in service_text.systemd_unit(secret)
    kept = with_crontab(machine)
    (note,) = service.install("cron", secret).notes
    assert "runstore remote add NAME URL --token" in note
    assert kept.read_text() == service_text.cron_lines(HOSTILE)
    assert service_text.notes_on("systemd", secret) == service_text.notes_on("cron", HOSTILE) == ()


def test_the_program_is_this_one_and_what_it_needs_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTORE_HOME", "relative")
    monkeypatch.setenv("HTTPS_PROXY", "")
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    made = Service.of_this_process()
    assert made.program[0] == sys.executable
    assert made.environment["RUNSTORE_HOME"] == str(Path("relative").absolute())
    assert {"HTTPS_PROXY", "WANDB_API_KEY"}.isdisjoint(made.environment)


def test_where_a_users_systemd_answers_it_is_taken_and_cron_elsewhere(machine: Path) -> None:
    assert service.kind_here() == ("launchd" if sys.platform == "darwin" else "cron")
    program(machine, "systemctl", "exit 1")
    assert service.kind_here() != "systemd"
    program(machine, "systemctl")
    assert sys.platform == "darwin" or service.kind_here() == "systemd"


def test_a_unit_is_written_enabled_and_taken_away(machine: Path) -> None:
    program(machine, "systemctl")
    program(machine, "loginctl", "echo Linger=no")
    for _ in range(2):
        done = service.install("systemd", HOSTILE)
    file = machine / "config" / "systemd" / "user" / "runstore.service"
    assert done.file == file
    assert file.read_text() == service_text.systemd_unit(HOSTILE)
    assert file.stat().st_mode & 0o777 == 0o600  # tokens may stand in it
    assert "loginctl enable-linger" in done.notes[0]
    assert said(machine)[-4:] == [
        "systemctl --user daemon-reload",
        "systemctl --user enable runstore.service",
        "systemctl --user restart runstore.service",
        f"loginctl show-user {os.getuid()} --property=Linger",
    ]
    assert [found.kind for found in service.uninstall()] == ["systemd"]
    assert not file.exists()
    assert said(machine)[-2:] == [
        "systemctl --user disable --now runstore.service",
        "systemctl --user daemon-reload",
    ]
    assert service.uninstall() == []


def test_a_systemd_that_refuses_is_told_in_its_own_words(machine: Path) -> None:
    program(machine, "systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    with pytest.raises(DaemonError, match="daemon-reload` failed: Failed to connect to bus"):
        service.install("systemd", HOSTILE)


@pytest.mark.parametrize("step", ["daemon-reload", "enable", "restart"])
def test_a_unit_that_could_not_be_started_is_taken_away_again_or_as_it_was(machine: Path, step: str) -> None:
    file = machine / "config" / "systemd" / "user" / "runstore.service"
    program(machine, "systemctl", f'[ "$2" != {step} ] || exit 1')
    with pytest.raises(DaemonError, match=f"{step}.* failed.*; {file} is deleted again"):
        service.install("systemd", HOSTILE)
    assert list(file.parent.iterdir()) == []
    assert said(machine)[-2:] == ["systemctl --user disable runstore.service", "systemctl --user daemon-reload"]
    file.write_text("an earlier one")
    with pytest.raises(DaemonError, match=f"{file} is as it was before"):
        service.install("systemd", HOSTILE)
    assert file.read_text() == "an earlier one"


def test_a_daemon_that_runs_is_ended_only_when_the_new_one_can_be_started(machine: Path) -> None:
    ended: list[list[str]] = []
    program(machine, "systemctl", "exit 1")
    for kind in ("systemd", "cron"):
        with pytest.raises(DaemonError):
            service.install(kind, HOSTILE, lambda: ended.append(said(machine)))
    assert ended == []
    program(machine, "systemctl")
    service.install("systemd", HOSTILE, lambda: ended.append(said(machine)))
    (before,) = ended
    assert before[-1] == "systemctl --user enable runstore.service"


def test_lines_of_cron_come_once_and_leave_those_of_others(machine: Path) -> None:
    kept = with_crontab(machine)
    kept.write_text("0 5 * * * backup\n")
    for _ in range(2):
        assert service.install("cron", HOSTILE).file is None
    assert kept.read_text() == "0 5 * * * backup\n" + service_text.cron_lines(HOSTILE)
    assert [found.kind for found in service.uninstall()] == ["cron"]
    assert kept.read_text() == "0 5 * * * backup\n"
    assert service.uninstall() == []


def test_a_user_without_a_crontab_gets_one(machine: Path) -> None:
    kept = with_crontab(machine)
    service.install("cron", HOSTILE)
    assert kept.read_text() == service_text.cron_lines(HOSTILE)


def test_a_cron_that_refuses_and_a_machine_without_any_are_said(machine: Path) -> None:
    with pytest.raises(DaemonError, match="--if-needed"):
        service.install("cron", HOSTILE)
    program(machine, "crontab", "[ $1 = -l ] || { echo 'you are not allowed' >&2; exit 1; }")
    with pytest.raises(DaemonError, match="you are not allowed"):
        service.install("cron", HOSTILE)

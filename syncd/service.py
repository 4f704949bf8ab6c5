"""Have the machine start the daemon by itself: a systemd user unit, a launchd agent, or lines for cron.

What is written is said by service_text.py; `install` and `uninstall` do it. Both may be repeated.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runstore.errors import DaemonError, StorageError
from runstore.syncd.service_text import CRON_MARK, LABEL, UNIT, Service, notes_on, text_of

_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Installed:
    """What was done: `kind`, the file that was written (none for cron), and what is left to the user, in sentences."""

    kind: str
    file: Path | None
    notes: tuple[str, ...] = ()


def kind_here() -> str:
    """Return what this machine starts services with: systemd only where the user has one that answers."""
    if sys.platform == "darwin":
        return "launchd"
    if shutil.which("systemctl") and _done("systemctl", "--user", "show-environment"):
        return "systemd"
    return "cron"


def file_of(kind: str) -> Path | None:
    """Return where the unit or agent lies; None for cron."""
    if kind == "systemd":
        return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "systemd" / "user" / UNIT
    if kind == "launchd":
        return Path("~/Library/LaunchAgents").expanduser() / f"{LABEL}.plist"
    return None


def install(kind: str, service: Service, make_way: Callable[[], None] = lambda: None) -> Installed:
    """Have the machine start the daemon from now on, and now; raises DaemonError and StorageError.

    `make_way` is to end a daemon that runs. It is called when nothing but the start of the new one is left to do.
    The unit or agent of one that could not be installed is as it was before.
    """
    file, text = file_of(kind), text_of(kind, service)
    if file is None:
        _write_crontab(_without_ours(_crontab()) + text)
        return Installed(kind, None, notes_on(kind, service))
    before = _text_in(file)
    _write(file, text)
    try:
        _start(kind, file, make_way)
    except DaemonError as error:
        raise DaemonError(f"{error}; {_put_back(kind, file, before)}") from error
    return Installed(kind, file, () if kind == "launchd" or _lingers() else (_LINGER,))


def _start(kind: str, file: Path, make_way: Callable[[], None]) -> None:
    """Have the machine read what was written, and start it; raises DaemonError."""
    if kind == "launchd":
        domain = f"gui/{os.getuid()}"
        _done("launchctl", "bootout", f"{domain}/{LABEL}")  # an earlier one
        make_way()
        _do("launchctl", "bootstrap", domain, str(file))
        return
    _do("systemctl", "--user", "daemon-reload")
    _do("systemctl", "--user", "enable", UNIT)
    make_way()
    _do("systemctl", "--user", "restart", UNIT)


def _put_back(kind: str, file: Path, before: str | None) -> str:
    """Leave of a unit or agent what there was before; return what was done, in words. Raises StorageError."""
    if before is not None:
        _write(file, before)
    else:
        if kind == "systemd":
            _done("systemctl", "--user", "disable", UNIT)
        file.unlink(missing_ok=True)
    if kind == "systemd":
        _done("systemctl", "--user", "daemon-reload")
    return f"{file} is deleted again" if before is None else f"{file} is as it was before"


def uninstall() -> list[Installed]:
    """Take away whatever of these is installed, and stop what it started; return what was there."""
    found = []
    for kind in ("systemd", "launchd"):
        file = file_of(kind)
        if file is not None and file.exists():
            if kind == "systemd":
                _done("systemctl", "--user", "disable", "--now", UNIT)
            else:
                _done("launchctl", "bootout", f"gui/{os.getuid()}/{LABEL}")
            file.unlink()
            found.append(Installed(kind, file))
    if found and found[0].kind == "systemd":
        _done("systemctl", "--user", "daemon-reload")
    before = _crontab() if shutil.which("crontab") else ""
    if CRON_MARK in before:
        _write_crontab(_without_ours(before))
        found.append(Installed("cron", None))
    return found


_LINGER = "the daemon ends when you log out of your last session; to keep it: loginctl enable-linger"


def _text_in(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageError(f"{file}: can't be read ({error})") from error


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f".{file.name}.{os.getpid()}")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
        new.replace(file)
    except OSError as error:
        raise StorageError(f"{file}: can't be written ({error.strerror})") from error


def _crontab() -> str:
    try:
        done = subprocess.run(["crontab", "-l"], capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False)
    except FileNotFoundError:
        raise DaemonError(
            "there is no systemd, launchd or cron for you here; have something else call `runstore daemon start "
            "--if-needed`, such as the profile of your shell"
        ) from None
    return done.stdout if done.returncode == 0 else ""  # 1: there is none yet


def _without_ours(crontab: str) -> str:
    return "".join(line for line in crontab.splitlines(keepends=True) if not line.rstrip().endswith(CRON_MARK))


def _write_crontab(text: str) -> None:
    done = subprocess.run(["crontab", "-"], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DaemonError(f"crontab refused the lines: {done.stderr.strip() or 'it said nothing'}")


def _lingers() -> bool:
    answer = _output("loginctl", "show-user", str(os.getuid()), "--property=Linger")
    return answer.strip() == "Linger=yes"


def _output(*words: str) -> str:
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _done(*words: str) -> bool:
    try:
        return _run(words).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _do(*words: str) -> None:
    try:
        done = _run(words)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DaemonError(f"`{shlex.join(words)}` can't be done ({error})") from error
    if done.returncode:
        raise DaemonError(f"`{shlex.join(words)}` failed: {done.stderr.strip() or 'it said nothing'}")


def _run(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False)

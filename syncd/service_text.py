"""What is written so that the machine starts the daemon: a systemd user unit, a launchd agent, or lines for cron.

Nothing is done here, so that it can be shown before anything is done; service.py does it.
"""

from __future__ import annotations

import os
import plistlib
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runstore.errors import DaemonError
from runstore.syncd.remotes.configured import TOKEN_VARIABLE

KINDS = ("systemd", "launchd", "cron")
UNIT = "runstore.service"
LABEL = "org.runstore.daemon"
# Behind the lines of ours in a crontab, which may hold others.
CRON_MARK = "# runstore daemon"

# What the daemon has to know of the shell in which it was installed: where its files are, and how it gets out.
KEPT_VARIABLES: tuple[str, ...] = ("RUNSTORE_HOME", TOKEN_VARIABLE, "XDG_CONFIG_HOME", "XDG_DATA_HOME")
KEPT_VARIABLES += ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
KEPT_VARIABLES += ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

_NO_TOKEN = (
    "RUNSTORE_TOKEN is not in the crontab, whose commands everybody here can see; keep it in the config folder: "
    "runstore remote add NAME URL --token T"
)


@dataclass(frozen=True)
class Service:
    """How this user's daemon is started: the program and its first arguments, and what of the environment it needs."""

    program: tuple[str, ...]
    environment: Mapping[str, str]

    @classmethod
    def of_this_process(cls) -> Service:
        """Return how to start this same runstore again."""
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if os.environ.get(name)}
        if "RUNSTORE_HOME" in kept:
            kept["RUNSTORE_HOME"] = str(Path(kept["RUNSTORE_HOME"]).expanduser().absolute())
        return cls((sys.executable, "-m", "runstore", "daemon", "start"), kept)


def systemd_unit(service: Service) -> str:
    """Return the user unit: started at login, or at boot where the user lingers; started again after a failure."""
    lines = [f"Environment={_quoted(f'{name}={value}')}" for name, value in service.environment.items()]
    command = " ".join(_quoted(word).replace("$", "$$") for word in (*service.program, "--foreground"))
    return "\n".join(
        (
            "[Unit]",
            "Description=runstore: index and deliver training runs",
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            *lines,
            f"ExecStart={command}",
            "ExecReload=/bin/kill -HUP $MAINPID",
            "Restart=on-failure",
            "RestartSec=30",
            "TimeoutStopSec=10",
            "Nice=5",
            "",
            "[Install]",
            "WantedBy=default.target",
            "",
        )
    )


def launchd_plist(service: Service) -> str:
    """Return the agent: started at login, started again after a failure."""
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": [*service.program, "--foreground"],
            "EnvironmentVariables": dict(service.environment),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 30,
            "ProcessType": "Background",
        }
    ).decode()


def cron_lines(service: Service) -> str:
    """Return lines for a crontab: started at boot, and looked after every five minutes.

    Without the token: every user of the machine sees the words of a command while it runs.
    """
    told = {name: value for name, value in service.environment.items() if name != TOKEN_VARIABLE}
    words = [f"{name}={shlex.quote(value)}" for name, value in told.items()]
    words += [shlex.quote(word) for word in (*service.program, "--if-needed")]
    command = " ".join(words).replace("%", "\\%")  # which stands for a line break there
    if "\n" in command:
        raise DaemonError("a path or variable with a line break in it can't stand in a crontab")
    return "".join(f"{when} {command} >/dev/null 2>&1 {CRON_MARK}\n" for when in ("@reboot", "*/5 * * * *"))


def text_of(kind: str, service: Service) -> str:
    """Return what would be written for a service of this kind."""
    return {"systemd": systemd_unit, "launchd": launchd_plist, "cron": cron_lines}[kind](service)


def notes_on(kind: str, service: Service) -> tuple[str, ...]:
    """Return what a user should know of what would be written, in sentences."""
    return (_NO_TOKEN,) if kind == "cron" and TOKEN_VARIABLE in service.environment else ()


def _quoted(word: str) -> str:
    """Return a word as systemd reads it, with `%` standing for itself; `$` is special in commands alone."""
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    return f'"{text}"' if re.search(r"[^\w@%+=:,./$-]", text) or not text else text

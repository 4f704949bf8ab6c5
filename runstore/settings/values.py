"""What a setting's value may be: each function returns the value as it is kept, from what a person or a file wrote.

Each takes its own result again unchanged, and raises ValueError or TypeError with the end of a sentence: what it is.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MODES = ("offline", "online", "disabled")
CONSOLES = ("auto", "wrap", "redirect", "off")
REINITS = ("default", "return_previous", "finish_previous", "create_new")
RESUMES = ("allow", "must", "never", "auto")

_TRUE = ("1", "true", "t", "yes", "y", "on")
_FALSE = ("0", "false", "f", "no", "n", "off", "")
# What W&B's servers refuse in the name of a project, and the longest that they take.
_NOT_IN_PROJECTS = "/\\#?%:"
_PROJECT_CHARACTERS = 128
_TAG_CHARACTERS = 64
_LEAST_SAMPLING_SECONDS = 0.1


@dataclass(frozen=True)
class RunMoment:
    """A step of an earlier run, from which another one goes on: `run` is its id, `value` the step."""

    run: str
    value: int | float
    metric: str = "_step"

    def __post_init__(self) -> None:
        if self.metric != "_step" or not isinstance(self.value, (int, float)) or not isinstance(self.run, str):
            raise ValueError("a moment is the id of a run and a value of _step")

    def __str__(self) -> str:
        return f"{self.run}?{self.metric}={self.value}"


def text(value: Any) -> str:
    """Return any value but None as text; a path as it is written."""
    if value is None:
        raise ValueError("it is a text")
    return str(os.fspath(value)) if isinstance(value, os.PathLike) else str(value)


def folder(value: Any) -> str:
    """Return the path of a folder; `~` is the user's home."""
    return os.path.expanduser(text(value))


def flag(value: Any) -> bool:
    """Return a truth value from a word for it."""
    if isinstance(value, bool):
        return value
    if str(value).lower() in _TRUE:
        return True
    if str(value).lower() in _FALSE:
        return False
    raise ValueError("it is true or false")


def git_disabled(value: Any) -> bool:
    """Return a truth value; every other word counts as true, as W&B reads its variable WANDB_DISABLE_GIT."""
    try:
        return flag(value)
    except ValueError:
        return True


def whole_number(value: Any) -> int:
    """Return an int."""
    try:
        return int(value)
    except ValueError:
        raise ValueError("it is a whole number") from None


def number(value: Any) -> float:
    """Return a float."""
    try:
        return float(value)
    except ValueError:
        raise ValueError("it is a number") from None


def mode(value: Any) -> str:
    """Return one of MODES; older names of theirs are known."""
    named = {"dryrun": "offline", "run": "online", "shared": "online"}.get(str(value), str(value))
    if named not in MODES:
        raise ValueError(f"modes are {', '.join(MODES)}")
    return named


def console(value: Any) -> str:
    """Return one of CONSOLES. What W&B derives from "wrap" (wrap_raw, wrap_emu) is one thing here."""
    named = {"wrap_raw": "wrap", "wrap_emu": "wrap"}.get(str(value), str(value))
    if named not in CONSOLES:
        raise ValueError(f"it is {_alternatives(CONSOLES)}")
    return named


def resume(value: Any) -> str:
    """Return one of RESUMES, or "" for no; True means "auto"."""
    if value is True:
        return "auto"
    if value is False or value == "":
        return ""
    if value not in RESUMES:
        raise ValueError(f"it is {_alternatives(RESUMES)}")
    return str(value)


def reinit(value: Any) -> str:
    """Return one of REINITS, for which true and false are older names."""
    if value in REINITS:
        return str(value)
    try:
        return "finish_previous" if flag(value) else "return_previous"
    except ValueError:
        raise ValueError(f"it is {_alternatives(REINITS)}") from None


def fsync_seconds(value: Any) -> float:
    """Return seconds: 0 for "always", infinity for "never"."""
    if value in ("always", "never"):
        return 0.0 if value == "always" else math.inf
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise ValueError("it is a number of seconds, always or never")
    return seconds


def silence_seconds(value: Any) -> float:
    """Return seconds, more than none."""
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise ValueError("it is a number of seconds above 0")
    return seconds


def sampling_seconds(value: Any) -> float:
    """Return the seconds between two samples."""
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not _LEAST_SAMPLING_SECONDS <= seconds < math.inf:
        raise ValueError(f"it is a number of seconds, {_LEAST_SAMPLING_SECONDS} or more")
    return seconds


def project(value: Any) -> str:
    """Return a name that a project may have."""
    name = text(value)
    if len(name) > _PROJECT_CHARACTERS or any(character in _NOT_IN_PROJECTS for character in name):
        raise ValueError(f"it has up to {_PROJECT_CHARACTERS} characters and none of {' '.join(_NOT_IN_PROJECTS)}")
    return name


def texts(value: Any) -> tuple[str, ...]:
    """Return texts from a sequence, a JSON array, or one text with commas between them."""
    if isinstance(value, str):
        value = json.loads(value) if value.lstrip().startswith("[") else value.split(",")
    if isinstance(value, Mapping):
        raise TypeError("it is a list")
    return tuple(part for part in (str(one).strip() for one in value) if part)


def tags(value: Any) -> tuple[str, ...]:
    """Return tags, which are separated by commas."""
    parts = value.split(",") if isinstance(value, str) else [str(tag) for tag in value]
    kept = tuple(tag.strip() for tag in parts if tag.strip())
    if any(len(tag) > _TAG_CHARACTERS for tag in kept):
        raise ValueError(f"a tag has up to {_TAG_CHARACTERS} characters")
    return kept


def numbers(value: Any) -> tuple[int, ...]:
    """Return whole numbers, given like texts."""
    return tuple(whole_number(one) for one in texts(value))


def mapping(value: Any) -> dict[str, str]:
    """Return texts by name, from a mapping or a JSON object."""
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise TypeError("it is an object of names and values")
    return {str(key): str(one) for key, one in found.items()}


def moment(value: Any) -> RunMoment:
    """Return a moment, from `<run id>?_step=<number>` or an object with `run`, `value` and `metric`."""
    if isinstance(value, RunMoment):
        return value
    if all(hasattr(value, name) for name in ("run", "value", "metric")):
        return RunMoment(value.run, value.value, value.metric)
    from urllib.parse import parse_qs  # costs 2 ms, and is seldom needed

    run, found, query = text(value).partition("?")
    try:
        ((metric, (number,)),) = parse_qs(query, strict_parsing=True).items()
        if not (run and found):
            raise ValueError
        return RunMoment(run, int(number) if number.isdigit() else float(number), metric)
    except ValueError:
        raise ValueError("it is written as <run id>?_step=<number>") from None


def api_key(value: Any) -> str:
    """Return an API key."""
    key = text(value)
    if key != key.strip():
        raise ValueError("an API key has no spaces around it")
    return key


def url(value: Any) -> str:
    """Return the address of a server, without the slash at its end."""
    from urllib.parse import urlsplit  # costs 2 ms, and is seldom needed

    address = text(value).strip().rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or len(address.split()) != 1:
        raise ValueError("it is an address such as https://wandb.example.org")
    if parts.hostname.endswith("wandb.ai") and not (parts.hostname.startswith("api.") and parts.scheme == "https"):
        raise ValueError("W&B's own server is https://api.wandb.ai")
    return address


def _alternatives(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"

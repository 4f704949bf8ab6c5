"""Settings: one frozen dataclass, one function that decides where each value comes from.

Precedence: argument, environment, settings file, default. Variables that W&B's tools know keep their names
(WANDB_*), ours are RUNSTORE_*. The file is settings.json in the config folder.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from runstore.errors import SettingsError
from runstore.paths import config_folder

MODES = ("offline", "online", "disabled")


@dataclass(frozen=True)
class Settings:
    """The settings of a training process; each says its variable and its meaning.

    `sources` tells for each name where the value came from.
    """

    mode: str = field(default="offline", metadata={"variable": "WANDB_MODE", "help": " | ".join(MODES)})
    root_dir: str = field(default=".", metadata={"variable": "WANDB_DIR", "help": "runs go to the folder `wandb` in it"})
    entity: str = field(default="", metadata={"variable": "WANDB_ENTITY", "help": "user or team"})
    project: str = field(default="", metadata={"variable": "WANDB_PROJECT", "help": "what a run belongs to"})
    run_name: str = field(default="", metadata={"variable": "WANDB_NAME", "help": "a run's name for people"})
    run_notes: str = field(default="", metadata={"variable": "WANDB_NOTES", "help": "a longer description"})
    run_tags: tuple[str, ...] = field(default=(), metadata={"variable": "WANDB_TAGS", "help": "separated by commas"})
    run_id: str = field(default="", metadata={"variable": "WANDB_RUN_ID", "help": "the run's id; random by default"})
    run_group: str = field(default="", metadata={"variable": "WANDB_RUN_GROUP", "help": "what the run is grouped with"})
    run_job_type: str = field(default="", metadata={"variable": "WANDB_JOB_TYPE", "help": "such as train or eval"})
    resume: str = field(default="", metadata={"variable": "WANDB_RESUME", "help": "allow | must | never | auto"})
    console: str = field(default="wrap", metadata={"variable": "WANDB_CONSOLE", "help": "wrap | off"})
    sweep_id: str = field(default="", metadata={"variable": "WANDB_SWEEP_ID", "help": "the sweep that starts the run"})
    silent: bool = field(default=False, metadata={"variable": "WANDB_SILENT", "help": "say nothing on the terminal"})
    fsync: float = field(
        default=1.0,
        metadata={"variable": "RUNSTORE_FSYNC", "help": "seconds a power failure may take; 0 or always, inf or never"},
    )
    typed: bool = field(
        default=False, metadata={"variable": "RUNSTORE_TYPED", "help": "history as binary values (new tools only)"}
    )
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


def resolve(
    arguments: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None, file: Path | None = None
) -> Settings:
    """Return the settings in force. An argument that is None counts as not given.

    Raises SettingsError, naming the setting, its value and its source, where a value can't be used.
    """
    environment = os.environ if environment is None else environment
    path = settings_file() if file is None else file
    layers: list[tuple[str, Mapping[str, Any]]] = [
        ("argument", {name: value for name, value in (arguments or {}).items() if value is not None}),
        (
            "environment",
            {s.name: environment[variable_of(s.name)] for s in SETTINGS if environment.get(variable_of(s.name))},
        ),
        (str(path), _read(path)),
    ]
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for setting in SETTINGS:
        for source, layer in layers:
            if setting.name in layer:
                values[setting.name] = _parsed(setting.name, layer[setting.name], source)
                sources[setting.name] = variable_of(setting.name) if source == "environment" else source
                break
        else:
            sources[setting.name] = "default"
    return Settings(**values, sources=sources)


SETTINGS = tuple(f for f in fields(Settings) if f.name != "sources")
_METADATA = {f.name: f.metadata for f in SETTINGS}


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    return str(_METADATA[name]["variable"])


def settings_file() -> Path:
    """Return where the settings file is, whether or not it exists."""
    return config_folder() / "settings.json"


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError:  # most people have none
        return {}
    except ValueError as error:
        raise SettingsError(f"{path}: is not valid JSON ({error}); correct it or delete it") from error
    if not isinstance(content, dict):
        raise SettingsError(f'{path}: must hold one JSON object, such as {{"project": "demo"}}')
    unknown = sorted(set(content) - set(_METADATA))
    if unknown:
        raise SettingsError(f"{path}: knows no setting {unknown[0]!r}; `runstore settings` lists them")
    return content


def _parsed(name: str, value: Any, source: str) -> Any:
    parse: Callable[[Any], Any] = _PARSERS.get(name, _text)
    try:
        return parse(value)
    except (TypeError, ValueError) as error:
        place = variable_of(name) if source == "environment" else name
        raise SettingsError(f"{place}={value!r} (from {source}) can't be used: {error}") from None


def _text(value: Any) -> str:
    return str(os.fspath(value)) if isinstance(value, os.PathLike) else str(value)


def _mode(value: Any) -> str:
    mode = {"dryrun": "offline", "run": "online", "shared": "online"}.get(str(value), str(value))
    if mode not in MODES:
        raise ValueError(f"modes are {', '.join(MODES)}")
    return mode


def _console(value: Any) -> str:
    # What stock tools distinguish beyond this (redirect, wrap_raw, wrap_emu) is wrapped here.
    known = {"auto": "wrap", "wrap": "wrap", "redirect": "wrap", "wrap_raw": "wrap", "wrap_emu": "wrap", "off": "off"}
    if str(value) not in known:
        raise ValueError("it is wrap or off")
    return known[str(value)]


def _resume(value: Any) -> str:
    if value is True:
        return "auto"
    if value is False or value == "":
        return ""
    if value not in ("allow", "must", "never", "auto"):
        raise ValueError("it is allow, must, never or auto")
    return str(value)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("1", "true", "yes", "on"):
        return True
    if str(value).lower() in ("0", "false", "no", "off", ""):
        return False
    raise ValueError("it is true or false")


def _seconds(value: Any) -> float:
    if value in ("always", "never"):
        return 0.0 if value == "always" else math.inf
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise ValueError("it is a number of seconds, always or never")
    return seconds


def _tags(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else [str(tag) for tag in value]
    return tuple(tag.strip() for tag in parts if tag.strip())


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "mode": _mode,
    "console": _console,
    "resume": _resume,
    "silent": _flag,
    "typed": _flag,
    "fsync": _seconds,
    "run_tags": _tags,
}

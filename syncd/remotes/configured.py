"""The remotes that the user has named: `remotes.json` in the config folder, readable by its owner alone."""

from __future__ import annotations

import difflib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from runstore.errors import NotFound, SettingsError, StorageError, UsageError
from runstore.paths import config_folder
from runstore.syncd.remotes.hub import HubRemote

# The token for a remote that is given as a URL, or was added without one.
TOKEN_VARIABLE = "RUNSTORE_TOKEN"


@dataclass(frozen=True)
class ConfiguredRemote:
    """A remote's address, and the token that it wants."""

    url: str
    token: str


def remotes_file() -> Path:
    """Return where the remotes are kept."""
    return config_folder() / "remotes.json"


def load_remotes() -> dict[str, ConfiguredRemote]:
    """Return the remotes by name; raises SettingsError where the file can't be understood."""
    path = remotes_file()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: ConfiguredRemote(str(entry["url"]), str(entry["token"])) for name, entry in content.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path}: can't be read ({error.strerror}); it must belong to you") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path}: is damaged; delete it and add the remotes again") from error


def add_remote(name: str, url: str, token: str) -> None:
    """Keep a remote under `name`, in place of what was there. Raises UsageError for a bad name or URL."""
    if not name or "/" in name or ":" in name:
        raise UsageError(f"{name!r} can't be a remote's name: no slash and no colon in it")
    HubRemote(url, token or "unknown", name=name).close()  # says what is wrong with the URL
    _save({**load_remotes(), name: ConfiguredRemote(url, token)})


def remove_remote(name: str) -> None:
    """Forget a remote; raises NotFound, naming the nearest."""
    remotes = load_remotes()
    if name not in remotes:
        raise _unknown(name, remotes)
    _save({other: remote for other, remote in remotes.items() if other != name})


def open_remote(name_or_url: str) -> HubRemote:
    """Return the remote of that name, or at that URL with the token of RUNSTORE_TOKEN; raises NotFound, UsageError."""
    remotes = load_remotes()
    fallback = os.environ.get(TOKEN_VARIABLE, "")
    if "://" in name_or_url:
        token = next((r.token for r in remotes.values() if r.url.rstrip("/") == name_or_url.rstrip("/")), "")
        return HubRemote(name_or_url, fallback or token, name=name_or_url)
    if name_or_url not in remotes:
        raise _unknown(name_or_url, remotes)
    remote = remotes[name_or_url]
    return HubRemote(remote.url, remote.token or fallback, name=name_or_url)


def the_only_remote() -> str:
    """Return the name of the one remote that there is; raises UsageError where there is none, or a choice."""
    remotes = load_remotes()
    if not remotes:
        raise UsageError("no remote is known: `runstore remote add NAME URL --token T`, or give --remote URL")
    if len(remotes) > 1:
        raise UsageError(f"which remote? give --remote with one of {', '.join(sorted(remotes))}")
    return next(iter(remotes))


def _unknown(name: str, remotes: dict[str, ConfiguredRemote]) -> NotFound:
    near = difflib.get_close_matches(name, remotes, 1) or sorted(remotes)
    known = f"there is {', '.join(near)}" if near else "none is known yet"
    return NotFound(f"there is no remote {name!r}; {known}. Add one: runstore remote add NAME URL --token T")


def _save(remotes: dict[str, ConfiguredRemote]) -> None:
    path = remotes_file()
    text = json.dumps({name: asdict(remote) for name, remote in sorted(remotes.items())}, indent=2)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new.unlink(missing_ok=True)
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as out:
            out.write(text + "\n")
        new.replace(path)
    except OSError as error:
        raise StorageError(
            f"{path}: can't be written ({error.strerror}); set RUNSTORE_HOME to another folder"
        ) from error

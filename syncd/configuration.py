"""What the daemon is to do, kept across its restarts: `daemon.json` in the config folder.

The folders that it watches, which remotes each goes to, which remotes are paused, the folders whose bundles it imports,
and where figures are served. What a single remote gets, and how fast, is kept with the remote. Commands change this
file and tell the daemon to read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runstore.errors import SettingsError
from runstore.paths import config_folder
from runstore.syncd import kept
from runstore.syncd.mirrored import MirroredFolder


@dataclass(frozen=True)
class WatchedRoot:
    """A folder below which runs are found; `path` is absolute and without links, and need not exist yet.

    `ignore` are patterns of what is passed over in it; `remotes` are names of those that get its runs, None for every
    one that is known, those added later too, () for none: runs are indexed only.
    """

    path: Path
    ignore: tuple[str, ...] = ()
    remotes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Configuration:
    """All of it. `paused` are names of remotes; `metrics_port` is 0 where figures are not served."""

    roots: tuple[WatchedRoot, ...] = ()
    paused: tuple[str, ...] = ()
    metrics_port: int = 0
    mirrors: tuple[MirroredFolder, ...] = ()

    def with_root(self, root: WatchedRoot) -> Configuration:
        """Return it with this folder, in place of one with the same path."""
        others = (other for other in self.roots if other.path != root.path)
        return replace(self, roots=tuple(sorted((*others, root), key=lambda one: one.path)))

    def without_root(self, path: Path) -> Configuration:
        """Return it without the folder at `path`."""
        return replace(self, roots=tuple(root for root in self.roots if root.path != path))

    def with_mirror(self, mirror: MirroredFolder) -> Configuration:
        """Return it with this folder of bundles, in place of one with the same path."""
        return replace(self, mirrors=(*self.without_mirror(mirror.folder).mirrors, mirror))

    def without_mirror(self, folder: Path) -> Configuration:
        """Return it without the folder of bundles at this path."""
        return replace(self, mirrors=tuple(one for one in self.mirrors if one.folder != folder))

    def with_paused(self, names: Iterable[str]) -> Configuration:
        """Return it with these remotes paused, besides those that are."""
        return replace(self, paused=tuple(sorted({*self.paused, *names})))

    def with_resumed(self, names: Iterable[str]) -> Configuration:
        """Return it with these remotes not paused."""
        resumed = set(names)
        return replace(self, paused=tuple(name for name in self.paused if name not in resumed))

    def root_of(self, log: Path) -> WatchedRoot | None:
        """Return the watched folder that holds `log`; of nested ones the innermost."""
        place = f"{log}/"  # as text: `status` asks this of every log that there is
        holding = [root for root in self.roots if place.startswith(str(root.path).rstrip("/") + "/")]
        return max(holding, key=lambda root: len(root.path.parts), default=None)


def configuration_file() -> Path:
    """Return where the configuration is kept."""
    return config_folder() / "daemon.json"


def load() -> Configuration:
    """Return what is kept; raises SettingsError, naming the file, where it can't be understood."""
    path = configuration_file()
    content = kept.read(path)
    try:
        return Configuration(
            roots=tuple(_root_of(entry) for entry in content.get("roots", ())),
            paused=_names(content.get("paused", ())),
            metrics_port=_port(content.get("metrics_port", 0)),
            mirrors=tuple(map(MirroredFolder.from_json, content.get("mirrors", ()))),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path}: is damaged ({error}); mend it, or delete it and set it up again") from error


def change(changed: Callable[[Configuration], Configuration]) -> Configuration:
    """Keep what `changed` makes of the configuration, and return it; raises SettingsError and StorageError."""
    path = configuration_file()
    with kept.taking_turns(path):
        before = load()
        after = changed(before)
        if after != before:
            kept.replace(path, _as_json(after))
    return after


def _as_json(configuration: Configuration) -> dict[str, Any]:
    return {
        "roots": [
            {"path": str(root.path), "ignore": list(root.ignore)}
            | ({} if root.remotes is None else {"remotes": list(root.remotes)})
            for root in configuration.roots
        ],
        "paused": list(configuration.paused),
        "metrics_port": configuration.metrics_port,
        "mirrors": [one.as_json() for one in configuration.mirrors],
    }


def _root_of(entry: dict[str, Any]) -> WatchedRoot:
    path, remotes = Path(entry["path"]), entry.get("remotes")
    if not path.is_absolute():
        raise TypeError(f"{str(path)!r} is no absolute path")
    ignore = _names(entry.get("ignore", ()))
    return WatchedRoot(path.resolve(), ignore, None if remotes is None else _names(remotes))


def _names(values: Any) -> tuple[str, ...]:
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{values!r} is no list of texts")
    return tuple(values)


def _port(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 65536:
        raise TypeError(f"{value!r} is no port")
    return value

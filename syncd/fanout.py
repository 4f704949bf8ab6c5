"""Which target gets which log: what the folder above it says, and what each target's own filter says.

Read from the configuration; asks nobody, so that `status` can say the same where no daemon runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from runstore.syncd.configuration import Configuration, WatchedRoot, load
from runstore.syncd.policy import Policy
from runstore.syncd.remotes.bundle import BUNDLE
from runstore.syncd.remotes.configured import find_remote, is_known, load_remotes
from runstore.syncd.remotes.servers import WANDB
from runstore.syncd.watching.roots import Root


@dataclass(frozen=True)
class FanOut:
    """The watched folders, and each target's policy by name: those that are known, and URLs that folders name.

    `urls` are the addresses of those that have another name, `places` what else says where logs go there: the kind of
    target, and entity and project of a W&B server.
    """

    configuration: Configuration = field(default_factory=Configuration)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    urls: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def load(cls) -> FanOut:
        """Return what the files of the config folder say; raises SettingsError where one can't be understood."""
        remotes = load_remotes()
        configuration, urls = load(), {name: remote.url for name, remote in remotes.items()}
        if any(WANDB in (root.remotes or ()) for root in configuration.roots):
            urls.setdefault(WANDB, find_remote(WANDB).url)
        places = {
            name: (
                remote.kind,
                remote.entity,
                remote.project,
                *([repr(remote.bundles)] if remote.kind == BUNDLE else []),
            )
            for name, remote in remotes.items()
        }
        return replace(cls.of(configuration, {name: one.policy for name, one in remotes.items()}, urls), places=places)

    @classmethod
    def of(
        cls, configuration: Configuration, policies: Mapping[str, Policy], urls: Mapping[str, str] | None = None
    ) -> FanOut:
        """Return the same of these remotes, and of the URLs that `configuration` names."""
        named = {name for root in configuration.roots for name in root.remotes or ()}
        unnamed = {name: Policy() for name in named if is_known(name)}
        return cls(configuration, {**unnamed, **policies}, urls or {})

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of all targets that some watched folder may go to."""
        roots = self.configuration.roots
        return tuple(
            name for name in sorted(self.policies) if any(r.remotes is None or name in r.remotes for r in roots)
        )

    @property
    def unknown(self) -> dict[str, list[Path]]:
        """Names that folders give of remotes that are not known (any more), with those folders."""
        found: dict[str, list[Path]] = {}
        for root in self.configuration.roots:
            for name in root.remotes or ():
                if name not in self.policies:
                    found.setdefault(name, []).append(root.path)
        return found

    def is_where(self, target: str, other: FanOut) -> bool:
        """Return whether what goes to `target` goes to the same place by both."""
        return (self.urls.get(target), self.places.get(target)) == (other.urls.get(target), other.places.get(target))

    def wants(self, target: str, log: Path, project: str, entity: str, tags: Iterable[str]) -> bool:
        """Return whether `target` is to get `log`, a path without links.

        A log below no watched folder goes nowhere, nor does one that is passed over there.
        """
        root = self._root_of(log)
        if root is None or target not in self.policies:
            return False
        if root.remotes is not None and target not in root.remotes:
            return False
        return self.policies[target].wants(log, project, entity, tags)

    def targets_of(self, log: Path, project: str, entity: str, tags: Iterable[str]) -> tuple[str, ...]:
        """Return the names of all targets that are to get `log`."""
        root = self._root_of(log)
        if root is None:
            return ()
        tags, names = tuple(tags), self.policies if root.remotes is None else set(root.remotes)
        going = (name for name in sorted(names) if name in self.policies)
        return tuple(name for name in going if self.policies[name].wants(log, project, entity, tags))

    def _root_of(self, log: Path) -> WatchedRoot | None:
        """Return the watched folder that `log` is delivered for; None where it is passed over there, or is in none."""
        root = self.configuration.root_of(log)
        return None if root is None or Root(root.path, root.ignore).ignores(str(log)) else root

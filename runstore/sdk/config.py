"""The config of a run: what it was started with. A dict that can be read by attribute, and that keeps a record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from runstore.errors import ConfigError
from runstore.runlog import wire
from runstore.sdk.configvalues import config_values
from runstore.sdk.media.base import Media, WrongMediaType
from runstore.sdk.values import plain

# Looking for changes in place in a config of 200,000 values takes 0.1 s: not before each row, then.
LONG_LOOK_SECONDS = 0.001
LOOKS_APART = 50  # times as long as one takes


class Config(MutableMapping[str, Any]):
    """Keys and values by item (`config["lr"]`) or attribute (`config.lr`).

    A value that was set stays: changing it raises ConfigError unless `update(..., allow_val_change=True)` says so.
    """

    _items: dict[str, Any]
    _changed: Callable[[dict[str, Any], list[str]], None]
    _lent: dict[str, str]  # the JSON of dicts and lists that the program got hold of, as it was recorded last
    _look_again: float
    may_have_changed: bool  # whether it got hold of one since `record_changes`

    def __init__(self, changed: Callable[[dict[str, Any], list[str]], None]) -> None:
        """`changed(updated, removed)` is called with what is to be recorded."""
        object.__setattr__(self, "_items", {})
        object.__setattr__(self, "_changed", changed)
        object.__setattr__(self, "_lent", {})
        object.__setattr__(self, "may_have_changed", False)
        object.__setattr__(self, "_look_again", 0.0)

    def load(self, items: Mapping[str, Any]) -> None:
        """Take values in without recording them: they are in the log already."""
        self._items.update(_named(items))

    def update(self, values: Any = (), allow_val_change: bool | None = None, **more: Any) -> None:  # type: ignore[override]
        """Set many values at once; `values` is a mapping, pairs, a namespace such as argparse's, or a YAML file's path.

        Raises ConfigError where a value would change and `allow_val_change` is not true.
        """
        self._set({**config_values(values), **more}, bool(allow_val_change))

    def setdefaults(self, values: Any) -> None:
        """Set those values whose keys are not there yet; `values` as in `update`."""
        given = config_values(values).items()
        self._set({key: value for key, value in given if key.strip("-") not in self._items}, False)

    def as_dict(self) -> dict[str, Any]:
        """Return a copy as plain dicts."""
        copy: dict[str, Any] = plain(self._items)
        return copy

    def _set(self, values: Mapping[str, Any], allow_val_change: bool) -> None:
        updated = _named(values)
        for key, value in updated.items():
            if not allow_val_change and key in self._items and not _same(self._items[key], value):
                raise ConfigError(
                    f"config key {key!r} is {self._items[key]!r} and would become {value!r}; "
                    "if that is meant: config.update({...}, allow_val_change=True)"
                )
        if updated:
            self.record_changes()
            self._items.update(updated)
            for key in updated.keys() & self._lent.keys():
                del self._lent[key]
            self._changed(updated, [])

    def notice_changes(self) -> None:
        """Record changes in place, unless looking for them took long a moment ago: then at a later call."""
        now = time.monotonic()
        if now >= self._look_again:
            self.record_changes()
            took = time.monotonic() - now
            if took > LONG_LOOK_SECONDS:
                object.__setattr__(self, "_look_again", now + LOOKS_APART * took)

    def record_changes(self) -> None:
        """Record the dicts and lists that the program got from here and has changed in place since."""
        object.__setattr__(self, "may_have_changed", False)
        changed: dict[str, Any] = {}
        for key, before in list(self._lent.items()):
            value = plain(self._items.get(key), enum_names=True)
            now = wire.dumps(value)
            if now != before and key in self._items:
                self._lent[key] = now
                changed[key] = value
        if changed:
            self._changed(changed, [])

    def __getitem__(self, key: str) -> Any:
        value = self._items[key]
        if isinstance(value, (dict, list)):
            if key not in self._lent:
                self._lent[key] = wire.dumps(plain(value))
            object.__setattr__(self, "may_have_changed", True)
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self._set({key: value}, False)

    def __delitem__(self, key: str) -> None:
        del self._items[key]
        self._lent.pop(key, None)
        self._changed({}, [key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"this run's config has no {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        try:
            del self[key]
        except KeyError:
            raise AttributeError(f"this run's config has no {key!r}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy, also one that travels to another process, is the program's own: nothing records what it does with it.
        return unrecorded, (self.as_dict(),)

    def __repr__(self) -> str:
        return repr(self._items)


def _same(one: Any, other: Any) -> bool:
    return one == other or wire.dumps(one) == wire.dumps(other)  # NaN is the same as NaN


class StaticConfig(Mapping[str, Any]):
    """A config that can be read, by item or attribute, and not be changed."""

    def __init__(self, items: Mapping[str, Any]) -> None:
        self.__dict__.update(items)

    def __getitem__(self, key: str) -> Any:
        return self.__dict__[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)

    def __getattr__(self, key: str) -> Any:
        raise AttributeError(f"this run's config has no {key!r}")

    def __setattr__(self, key: str, value: Any) -> None:
        raise AttributeError(f"config_static can only be read; set run.config[{key!r}]")

    def __repr__(self) -> str:
        return repr(self.__dict__)


def unrecorded(items: Mapping[str, Any]) -> Config:
    """Return a config that keeps `items` and records nothing."""
    config = Config(lambda updated, removed: None)
    config.load(items)
    return config


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in values.items():
        if issubclass(type(value), Media):  # asks nothing of the object itself
            raise WrongMediaType(f"config key {key!r}: media can't be in a config; log it")
    # W&B strips dashes, so that {"--lr": 1} from a command line is found as config.lr.
    return {key.strip("-"): value for key, value in plain(values, enum_names=True).items()}

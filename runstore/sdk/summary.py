"""The summary of a run: one value a metric, set by its history or by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import Record
from runstore.sdk.history import History
from runstore.sdk.media.base import SUMMARY_STEP
from runstore.sdk.values import plain


class Summary(MutableMapping[str, Any]):
    """Keys and values by item or attribute. A value set by hand stands until a later row sets it again."""

    _history: History
    _append: Callable[[bytes], None]
    _with_media: Callable[[Mapping[str, Any], int | str], Mapping[str, Any]]
    _before: Callable[[Iterable[str]], None]

    def __init__(
        self,
        history: History,
        append: Callable[[bytes], None],
        with_media: Callable[[Mapping[str, Any], int | str], Mapping[str, Any]],
        before: Callable[[Iterable[str]], None] = lambda names: None,
    ) -> None:
        """`before(names)` is called before values of these names change."""
        object.__setattr__(self, "_before", before)
        object.__setattr__(self, "_with_media", with_media)
        object.__setattr__(self, "_history", history)
        object.__setattr__(self, "_append", append)

    def update(self, values: Any = (), **more: Any) -> None:  # type: ignore[override]
        """Set many values at once."""
        updated = self._recordable(dict(values, **more))
        if not updated:
            return
        record = Record()
        for key, value in updated.items():
            record.summary.update.add(key=key, value_json=wire.dumps(value))
        self._before(updated)
        with self._history.mutex:
            self._append(codec.encode(record))
            for key, value in updated.items():
                self._history.summary.assign((key,), value)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of `key`, or `default`."""
        try:
            return self[key]
        except KeyError:
            return default

    def __getitem__(self, key: str) -> Any:
        value = self._history.current_summary().get(key)
        return Below(self, (key,), value) if isinstance(value, dict) else value

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        self.remove((key,))

    def remove(self, path: tuple[str, ...]) -> None:
        """Remove the value at a path of keys, and all below; what is not there is no error, as W&B has it."""
        record = Record()
        record.summary.remove.add(nested_key=path)
        self._before(path[:1])
        with self._history.mutex:
            self._append(codec.encode(record))
            self._history.summary.remove(path)

    def assign(self, path: tuple[str, ...], value: Any) -> None:
        """Set the value at a path of keys."""
        value = self._recordable({path[-1]: value})[path[-1]]
        record = Record()
        record.summary.update.add(nested_key=path, value_json=wire.dumps(value))
        self._before(path[:1])
        with self._history.mutex:
            self._append(codec.encode(record))
            self._history.summary.assign(path, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tree())

    def __len__(self) -> int:
        return len(self._tree())

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"this run's summary has no {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self._tree(),)  # a copy is the program's own

    def __repr__(self) -> str:
        return repr(self._tree())

    def _recordable(self, values: Mapping[str, Any]) -> dict[str, Any]:
        recordable: dict[str, Any] = plain(self._with_media(values, SUMMARY_STEP), enum_names=True)
        return recordable

    def _tree(self) -> dict[str, Any]:
        return self._history.current_summary().tree()


class Below(dict[str, Any]):
    """A dict inside the summary, as it was when it was asked for; what is set in it is set in the summary."""

    def __init__(self, summary: Summary, path: tuple[str, ...], values: Mapping[str, Any]) -> None:
        super().__init__(
            (key, Below(summary, (*path, key), value) if isinstance(value, dict) else value)
            for key, value in values.items()
        )
        self._summary = summary
        self._path = path

    def __setitem__(self, key: str, value: Any) -> None:
        self._summary.assign((*self._path, key), value)
        super().__setitem__(key, Below(self._summary, (*self._path, key), value) if isinstance(value, dict) else value)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._summary.remove((*self._path, key))

    def update(self, values: Any = (), **more: Any) -> None:  # type: ignore[override]
        """Set many values at once."""
        for key, value in dict(values, **more).items():
            self[key] = value

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a value and return it."""
        if key in self or not default:
            value = self[key]
            del self[key]
            return value
        return default[0]

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)  # a copy is the program's own


def derived_record(tree: Mapping[str, Any]) -> bytes:
    """Return the record that tells stock tools the whole summary; our own readers fold the history instead."""
    record = Record()
    record.summary.derived = True
    for key, value in tree.items():
        record.summary.update.add(key=key, value_json=wire.dumps(value))
    return codec.encode(record)

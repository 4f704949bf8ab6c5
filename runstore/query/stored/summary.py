"""The summary of a stored run, as a dict that can be changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class StoredSummary(dict[str, Any]):
    """The summary by key, nested values as dicts; `update` keeps what was changed. Keys are attributes, too."""

    def __init__(self, values: Mapping[str, Any], keep: Callable[[], None]) -> None:
        super().__init__(values)
        self._keep = keep
        self._set_here: set[str] = set()

    def __setitem__(self, key: str, value: Any) -> None:
        self._set_here.add(key)
        super().__setitem__(key, value)

    def update(self, key_vals: Mapping[str, Any] | None = None, overwrite: bool = True) -> None:  # type: ignore[override]
        """Set these values, and write all that was changed to the run's edit log.

        With `overwrite=False`, keys that were set by this program before keep their values.
        """
        for key, value in (key_vals or {}).items():
            if overwrite or key not in self._set_here:
                self[key] = value
        self._keep()

    def replace(self, values: Mapping[str, Any]) -> None:
        """Hold these values, which the run has now, in place of all others."""
        self.clear()
        super().update(values)
        self._set_here.clear()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self:
            raise AttributeError(f"the summary has no {name!r}")
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
        else:
            self[name] = value

    @property
    def _json_dict(self) -> dict[str, Any]:
        """What many programs take a plain dict from."""
        return dict(self)

"""A folder that bundles are written to, as a target: how often, how large, and for whom. No I/O here.

What is written there counts for nothing until a receipt of it lies in the same folder. How: bundles/outbox.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runstore.errors import UsageError

BUNDLE = "bundle"
# What `status` says of a log that is in a bundle, and of which no receipt has come.
AWAITED = "waiting for a receipt"

_HOUR_SECONDS = 3600.0
_DAY_SECONDS = 24 * _HOUR_SECONDS
_SECONDS = {"s": 1.0, "m": 60.0, "h": _HOUR_SECONDS, "d": _DAY_SECONDS}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_LEAST_BYTES = 1 << 20
# What was written is written again where no receipt has come for so many intervals, or so long: it may be lost.
_PATIENT_INTERVALS, _PATIENT_SECONDS = 3, 7 * _DAY_SECONDS


@dataclass(frozen=True)
class BundleOptions:
    """A bundle is due after `every_seconds` where there is anything new, or as soon as there are `size` bytes of logs.

    No part is larger than `size`. With `one_way` nothing ever comes back: each bundle holds all runs. `sign` and
    `recipients` are files of keys, `trust` those whose receipts count, anybody's where there are none.
    """

    every_seconds: float = _HOUR_SECONDS
    size: int = 4_000_000_000
    one_way: bool = False
    sign: str = ""
    recipients: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()

    @property
    def patience_seconds(self) -> float:
        """How long a receipt is waited for before the same is written again."""
        return max(_PATIENT_SECONDS, _PATIENT_INTERVALS * self.every_seconds)

    def as_json(self) -> dict[str, Any]:
        """Return what is kept: what differs from options as they are made."""
        plain = BundleOptions()
        kept = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in kept.items() if value != getattr(plain, name)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> BundleOptions:
        """Return the options that were kept. Raises TypeError for what can't be meant."""
        for name in ("every_seconds", "size"):
            if not isinstance(kept.get(name, 1), (int, float)) or kept.get(name, 1) <= 0:
                raise TypeError(f"{kept[name]!r} is no {name}")
        return cls(
            every_seconds=float(kept.get("every_seconds", cls.every_seconds)),
            size=int(kept.get("size", cls.size)),
            one_way=kept.get("one_way", False) is True,
            sign=str(kept.get("sign", "")),
            recipients=tuple(map(str, kept.get("recipients", ()))),
            trust=tuple(map(str, kept.get("trust", ()))),
        )


def parse_every(text: str) -> float:
    """Return the seconds that `text` means: `30m`, `1h`, `2d`. Raises UsageError."""
    found = _TIME.fullmatch(text.strip().lower())
    seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if seconds < 1:
        raise UsageError(f"{text!r} can't be read as a time; they look like 30m, 1h or 2d")
    return seconds


def checked_folder(path: str) -> str:
    """Return a folder's absolute path, as it is kept; it need not be there yet. Raises UsageError for what is a URL."""
    if "://" in path:
        raise UsageError(f"{path}: bundles go to a folder, not to a URL")
    folder = Path(path).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{path}: is no folder")
    return str(folder)


def checked_size(size: int) -> int:
    """Return the size of a part, as given; raises UsageError where nothing fits in."""
    if size < _LEAST_BYTES:
        raise UsageError(f"{size:,} bytes are too few for a bundle; give 1M or more")
    return size

"""Folders whose bundles the daemon imports: where each lies, where that goes, and whose bundles are taken. No I/O here.

What is done there says bundles/mirroring.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class MirroredFolder:
    """One of them; `folder` is an absolute path, and need not be there.

    What comes goes to the folder of runs `into`, or, where that is "", to the hub `hub`, by its name or URL. `trust`
    are files of public keys, `key` is one that decrypts and `sign` one that signs receipts, "" for none.
    """

    folder: Path
    into: str = ""
    hub: str = ""
    trust: tuple[str, ...] = ()
    key: str = ""
    sign: str = ""

    @property
    def place(self) -> str:
        """Where what comes goes, as people are told."""
        return self.into or self.hub

    def as_json(self) -> dict[str, Any]:
        """Return what is kept, and listed."""
        return {
            "folder": str(self.folder),
            "into": self.into,
            "hub": self.hub,
            "trust": list(self.trust),
            "key": self.key,
            "sign": self.sign,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> MirroredFolder:
        """Return what was kept. Raises KeyError and TypeError for what can't be meant."""
        folder, trust = Path(kept["folder"]), kept.get("trust", ())
        texts = {name: str(kept.get(name, "")) for name in ("into", "hub", "key", "sign")}
        if not folder.is_absolute() or bool(texts["into"]) == bool(texts["hub"]) or isinstance(trust, str):
            raise TypeError(f"{str(folder)!r} is no mirrored folder")
        return cls(folder, trust=tuple(map(str, trust)), **texts)

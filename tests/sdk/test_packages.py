"""The list of packages: every distribution that can be imported, as `name==version`."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

import pytest

from runstore.sdk.surroundings.packages import requirements


def installed(folder: Path, name: str, metadata: str | bytes | None, file: str = "METADATA") -> None:
    info = folder / f"{name}.dist-info"
    info.mkdir(parents=True)
    if metadata is not None:
        (info / file).write_bytes(metadata.encode() if isinstance(metadata, str) else metadata)


def test_every_distribution_is_listed_in_the_order_of_the_path() -> None:
    assert requirements().splitlines() == [f"{found.metadata['Name']}=={found.version}" for found in distributions()]


def test_names_are_those_of_the_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "some_thing-1.0", "Metadata-Version: 2.1\nName: Some.Thing\nVersion: 1.0+local\n\nName: no\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert requirements().startswith("Some.Thing==1.0+local\n")


def test_what_can_not_be_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = requirements()
    installed(tmp_path, "empty-1.0", None)
    installed(tmp_path, "nameless-1.0", "Metadata-Version: 2.1\nVersion: 1.0\n")
    installed(tmp_path, "garbage-1.0", b"Name: \xff\xfe\nVersion: 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert requirements() == before

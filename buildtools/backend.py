"""How pip and others build runstore: as setuptools does, after the web pages, where those are missing.

A build backend of its own rather than a setuptools command, so that pages are there before setuptools looks for files,
whatever is built: a wheel, an editable installation, or the archive of sources, which holds them too.
"""

from __future__ import annotations

from typing import TypeAlias

from setuptools import build_meta
from setuptools.build_meta import (  # the rest of what a build backend has
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

from buildtools.ui import build_where_missing

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings: TypeAlias = "dict[str, str | list[str] | None] | None"


def build_wheel(folder: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Build a wheel, and return its name."""
    build_where_missing()
    return str(build_meta.build_wheel(folder, config_settings, metadata_directory))


def build_editable(folder: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Build a wheel that leads to the checkout, and return its name."""
    build_where_missing()
    return str(build_meta.build_editable(folder, config_settings, metadata_directory))


def build_sdist(folder: str, config_settings: Settings = None) -> str:
    """Build the archive of sources, and return its name."""
    build_where_missing()
    return str(build_meta.build_sdist(folder, config_settings))

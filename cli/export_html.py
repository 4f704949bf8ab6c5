"""`runstore export --to html`: one file that a browser shows without a server."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.output import emit_json, size
from runstore.cli.runs_common import open_api, runs_asked_for
from runstore.errors import NotFound, RunstoreError, StorageError, UsageError

if TYPE_CHECKING:
    from runstore.query.api import Api

_ENDINGS = (".html", ".htm")


def write_page(runs: tuple[str, ...], last: Path, *, force: bool, as_json: bool) -> None:
    """Write a page of runs to `last`: a file that ends in .html, or a folder; in the present one where it is a run.

    Raises UsageError where the file is there already, unless `force`; RunstoreError where the pages' parts are missing.
    """
    _check_parts()
    from runstore.web.export.exporting import exported, file_name

    with contextlib.closing(open_api()) as api:
        if not _is_place(api, last):
            runs, last = (*runs, str(last)), Path()
        chosen = runs_asked_for(api, runs)
        file = last if last.suffix in _ENDINGS else last / file_name(chosen) if chosen else last
        if file.exists() and not force:
            raise UsageError(f"{file} would be overwritten; nothing was written. Give another name, or --force")
        page = exported(api, chosen)
    _write(file, page)
    _tell({"format": "html", "runs": len(chosen), "file": str(file), "bytes": len(page)}, as_json=as_json)


def _is_place(api: Api, last: Path) -> bool:
    """Whether the last argument is where to write to; else it is one more run, or a filter."""
    if last.suffix in _ENDINGS or last.is_dir():
        return True
    with contextlib.suppress(NotFound):
        api.run(str(last))
        return False
    return not any(letter in str(last) for letter in ":<>=")


def _check_parts() -> None:
    """Raise RunstoreError, saying what to type, where something is missing that the page is made of."""
    try:
        from runstore.web import shell
        from runstore.web.export.page import is_built
    except ModuleNotFoundError as missing:
        raise RunstoreError(
            f"an HTML file is made of the web pages, which need {missing.name}: pip install 'runstore[ui]'"
        ) from missing
    if not is_built():
        raise RunstoreError(shell.NOT_BUILT)


def _write(file: Path, page: bytes) -> None:
    """Write the file whole or not at all. Raises StorageError."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(page)
        partial.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StorageError(f"{file}: can't be written ({error.strerror})") from error


def _tell(written: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit_json(written)
        return
    runs_are = "1 run is" if written["runs"] == 1 else f"{written['runs']:,} runs are"
    click.echo(f"{runs_are} in {written['file']} ({size(written['bytes'])}); any browser shows it, without runstore")

"""The files of a version of an artifact: a folder at a time, each with an address to download it from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from runstore.core.identity import RunPath
from runstore.errors import NotFound
from runstore.index.artifacts.manifestfile import ManifestMissing
from runstore.query.api import Api
from runstore.query.artifacts.folders import containing, listing
from runstore.query.artifacts.whereabouts import HERE, Whereabouts, run_of_log
from runstore.query.media.artifacts import blob_names
from runstore.web.asking import Asked
from runstore.web.refs import run_ref
from runstore.web.routes.artifacts import asked_version
from runstore.web.site import Site

_MOST_FILES = 500  # of a page


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""

    def files(api: Api, asked: Asked) -> object:
        """Answer with what lies in one folder of a version; with `text`, with all files that have it in their paths."""
        known, version = asked_version(api, asked)
        try:
            entries = known.entries(version)
        except ManifestMissing as error:
            return {"missing": str(error), "folders": [], "files": [], "matching": 0, "total": 0, "size": 0}
        offset, text = asked.number("offset", 0, 10**9), asked.text("text", "")
        found = listing(entries, asked.text("folder", ""))
        here = containing(entries, text) if text else found.entries
        shown = site.places.of_artifact(known, version, here[offset : offset + _MOST_FILES])
        return {
            "missing": "",
            "folders": [] if text else [each._asdict() for each in found.folders],
            "files": [_file_json(each, _address(site, api, run_of_log(known, each.entry.log), each)) for each in shown],
            "matching": len(here),
            "total": found.files,
            "size": found.size,
        }

    return [site.get("/api/artifact/files", files)]


def _file_json(each: Whereabouts, address: str) -> dict[str, Any]:
    """Return a file as a line of a table shows it; on a hub what can be downloaded is here, wherever the hub has it."""
    entry, state = each.entry, HERE if address else each.state
    return {
        "path": entry.path,
        "size": entry.size,
        "digest": entry.digest,
        "ref": entry.ref,
        "state": state,
        "address": address,
    }


def _address(site: Site, api: Api, path: RunPath | None, each: Whereabouts) -> str:
    """Return where a file can be downloaded from; "" where its bytes are not with its run."""
    if path is None:
        return ""
    run = api.exactly(path)
    for name in blob_names(each.entry):
        try:
            site.places.open(run, "blobs", name).close()
        except NotFound:
            continue
        return site.tickets.address(run_ref(path), "blobs", name, "download", each.entry.path.rpartition("/")[2])
    return ""

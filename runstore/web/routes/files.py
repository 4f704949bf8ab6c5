"""The files of a run: what lies in the folder `files` of its run directories, or was delivered with it."""

from __future__ import annotations

import hashlib
import mimetypes
import os
from collections.abc import Sequence

from starlette.routing import BaseRoute

from runstore.query.api import Api
from runstore.web.asking import Asked
from runstore.web.filenames import name_ref, parse_name_ref, shown_name
from runstore.web.jsontext import as_json
from runstore.web.reading import run_of
from runstore.web.site import Site

# More than a tree in a browser has use for; of the others it is said how many there are.
_MOST_FILES = 20_000


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""

    def listing(api: Api, asked: Asked) -> object:
        """Answer with the files that are there now, by columns, and with what the logs name that is not, and why.

        `refs` are what those files are asked for by whose names are not enough, by their places. Who says in `have` the
        digest of the same listing is not sent it once more.
        """
        run = run_of(api, asked.text("ref"))
        files, missing = site.places.files(run), site.places.missing(run)
        shown = files[:_MOST_FILES]
        found = {
            "total": len(files),
            "names": [shown_name(file.path) for file in shown],
            "refs": {place: ref for place, file in enumerate(shown) if (ref := name_ref(file.path)) != file.path},
            "sizes": [file.size for file in shown],
            "times": [file.changed_at for file in shown],
            "missing": [{"path": one.path, "artifact": one.artifact, "why": one.sentence} for one in missing],
        }
        digest = hashlib.sha256(as_json(found)).hexdigest()[:16]
        return {"digest": digest, "found": None if asked.text("have", "") == digest else found}

    def opened(api: Api, asked: Asked) -> object:
        """Answer with where one file is read: by scripts and as a preview, as a picture, and as a download."""
        ref, name = asked.text("ref"), parse_name_ref(asked.text("name"))
        with site.places.open(run_of(api, ref), "files", name) as file:
            size = os.fstat(file.fileno()).st_size
        address = site.tickets.address
        return {
            "name": shown_name(name),
            "size": size,
            "type": mimetypes.guess_type(name)[0] or "application/octet-stream",
            "file": address(ref, "files", name),
            "image": address(ref, "files", name, "image"),
            "frame": address(ref, "files", name, "frame"),
            "download": address(ref, "files", name, "download"),
        }

    return [site.get("/api/files", listing), site.get("/api/files/open", opened)]

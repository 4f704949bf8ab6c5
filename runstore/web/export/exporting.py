"""Runs as one HTML file, put together."""

from __future__ import annotations

import time
from collections.abc import Sequence

from runstore.query.api import Api
from runstore.query.stored.run import StoredRun
from runstore.version import VERSION
from runstore.web.export.console import consoles
from runstore.web.export.facts import differences, facts_of_runs
from runstore.web.export.media import Media
from runstore.web.export.page import html_page
from runstore.web.reading import Reader
from runstore.web.routes.run import run_ref_of
from runstore.web.site import Site
from runstore.web.texts import texts_in


def exported(api: Api, runs: Sequence[StoredRun], site: Site | None = None) -> bytes:
    """Return a page of these runs, UTF-8: it holds all that it shows, and says what it does not.

    Files of the runs are read as `site` reads them, by default from their run directories. Raises UsageError for no
    run or too many, and RunstoreError where the web pages were not built.
    """
    by_ref = {run_ref_of(run): run for run in runs}
    left_out: list[str] = []
    facts = facts_of_runs(api, by_ref, left_out)
    site = site or Site(Reader())
    media = Media(site, api)
    title = runs[0].name if len(runs) == 1 else f"{len(runs)} runs of {_projects(runs)}"
    data = {
        **facts,
        "title": title,
        "version": VERSION,
        "made_at": time.time(),
        "differences": differences(runs, texts_in(site.places)),
        "media": media.of_runs(by_ref),
        "consoles": consoles(by_ref, left_out),
    }
    data["left_out"] = [*left_out, *media.left_out(), "saved files and artifacts"]
    return html_page(title, data, media.files.kinds)


def file_name(runs: Sequence[StoredRun]) -> str:
    """Return what to call the file: after the run, or after their project."""
    name = runs[0].id if len(runs) == 1 else _projects(runs)
    return f"{''.join(letter if letter.isalnum() or letter in '-_.' else '_' for letter in name).lstrip('.')}.html"


def _projects(runs: Sequence[StoredRun]) -> str:
    projects = list(dict.fromkeys(run.project for run in runs))
    return projects[0] if len(projects) == 1 else f"{len(projects)} projects"

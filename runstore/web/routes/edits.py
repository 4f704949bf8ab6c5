"""What people change of a run: its name, notes, tags, group and job type, kept in an edit log beside the run's own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute

from runstore.errors import IndexDamaged, IndexUnusable, UsageError
from runstore.query.api import Api
from runstore.query.stored.run import StoredRun
from runstore.query.stored.tags import retagged
from runstore.web.asking import Asked
from runstore.web.reading import run_of
from runstore.web.site import Site

_TEXTS = ("name", "notes", "group", "job_type")
_TAGS = ("add_tags", "remove_tags")
# What a person would type is far below; a log is no place for books.
_MOST_CHARACTERS = {"name": 1_000, "notes": 200_000, "group": 1_000, "job_type": 1_000}
_MOST_TAG_CHARACTERS = 200
_INDEX_SECONDS = 0.2  # for which whoever edits waits for others who write to the index; twice


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    one_at_a_time = threading.Lock()

    def edit_alone(api: Api, asked: Asked) -> object:
        with one_at_a_time:  # two that come together see each other's tags
            return edit(api, asked)

    return [site.change("/api/run/edit", edit_alone)]


def edit(api: Api, asked: Asked) -> object:
    """Change what the body names, and answer with what the run is called then.

    `ref`; some of `name`, `notes`, `group` and `job_type`; `add_tags` and `remove_tags`, so that two people who tag
    at once keep the tags of both; `was`, the texts that were seen before: one that was changed meanwhile is kept.

    The answer comes when the edit log is durable. Where somebody else writes to the index, it is read later.
    """
    body = asked.body
    unknown = set(body) - {"ref", "was", *_TEXTS, *_TAGS}
    if unknown or not isinstance(body.get("ref"), str):
        raise UsageError(f"an edit has ref, was, {', '.join((*_TEXTS, *_TAGS))}; not {', '.join(sorted(unknown))}")
    was = body.get("was", {})
    if not isinstance(was, dict):
        raise UsageError("was holds the texts that were seen before, by name")
    run = run_of(api, body["ref"])
    _look_again(api, run)
    api.unread.show(run)
    _check_unchanged(run, was)
    for field in _TEXTS:
        if field in body:
            setattr(run, field, _text(field, body[field]))
    run.tags = retagged(run.tags, *(_tags(body.get(name, [])) for name in _TAGS))
    written = run.write()
    if written is not None:
        api.unread.add(written)
        run.show(written.edit)
        with api.within(_INDEX_SECONDS), contextlib.suppress(IndexUnusable):
            api.catch_up(written.log)
    return {**{field: getattr(run, field) for field in _TEXTS}, "tags": run.tags}


def _look_again(api: Api, run: StoredRun) -> None:
    """Let a run show what others changed, as far as nobody keeps the index locked."""
    with api.within(_INDEX_SECONDS):
        try:
            run.look_again()
        except IndexDamaged:
            raise  # there is a new one, to be asked instead
        except IndexUnusable:
            return


def _check_unchanged(run: StoredRun, was: Mapping[str, Any]) -> None:
    for field in _TEXTS:
        if field in was and was[field] != getattr(run, field):
            raise UsageError(f"the {field} of this run was changed meanwhile; reload to see it. Nothing was saved")


def _text(field: str, text: Any) -> str:
    if not isinstance(text, str) or len(text) > _MOST_CHARACTERS[field]:
        raise UsageError(f"{field} is a text of {_MOST_CHARACTERS[field]:,} characters at most")
    return text.strip() if field != "notes" else text


def _tags(tags: Any) -> list[str]:
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise UsageError("tags are a list of texts")
    if not all(0 < len(tag.strip()) <= _MOST_TAG_CHARACTERS for tag in tags):
        raise UsageError(f"a tag is a text of 1 to {_MOST_TAG_CHARACTERS} characters")
    return [tag.strip() for tag in tags]

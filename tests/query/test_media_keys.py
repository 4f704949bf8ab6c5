"""Which keys of a run hold media."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.query.api import Api
from runstore.query.media.keys import media_at, media_in_summary, media_keys, media_steps


def keys(folder: Path, *rows: dict[str, Any], summary: dict[str, Any] | None = None) -> dict[str, str]:
    with runstore.init(project="p", id="one", dir=folder) as run:
        for row in rows:
            run.log(row)
        run.summary.update(summary or {})
    with closing(Api(folder / "i.db", refresh=False)) as api:
        api.catch_up_below(folder)
        stored = api.run("one")
        return media_keys(api.connection, stored.place, stored.summary)


@pytest.fixture
def page() -> runstore.Html:
    return runstore.Html("<p>")


def test_parts_of_a_value_are_no_keys_of_their_own(tmp_path: Path) -> None:
    inner = {"_type": "mask", "path": "m"}
    outer = {"_type": "image-file", "path": "a", "masks": {"x.y": inner}}
    found = keys(tmp_path, {"a": outer, "a-b": {"_type": "table-file"}, "nest": {"a": outer}})
    assert found == {"a": "image-file", "a-b": "table-file", "nest.a": "image-file"}


def test_numbers_texts_and_dicts_without_a_type_are_no_media(tmp_path: Path) -> None:
    assert (
        keys(tmp_path, {"a": 1, "b": "_type", "c": {"d": 1}, "e": [{"x": 1}], "f": [float("nan"), {"_type": 1}]}) == {}
    )


def test_keys_of_the_summary_alone_are_there(tmp_path: Path, page: runstore.Html) -> None:
    assert keys(tmp_path, {"a": 1}, summary={"best": {"page": page}}) == {"best.page": "html-file"}
    assert media_in_summary({"best": {"page": {"_type": "x"}}}, "best.page") == (None, {"_type": "x"})


def test_a_run_that_was_set_back_has_the_values_that_count(tmp_path: Path) -> None:
    for kind, start in (("first", 0), ("second", 2)):
        rewind = {"resume_from": "one?_step=1"} if start else {}
        with runstore.init(project="p", id="one", dir=tmp_path, **rewind) as run:  # type: ignore[arg-type]
            for step in range(start, 4):
                run.log({"a": runstore.Html(f"{kind} {step}", inject=False)}, step=step)
    with closing(Api(tmp_path / "i.db", refresh=False)) as api:
        api.catch_up_below(tmp_path)
        place = api.run("one").place
        assert media_steps(api.connection, place, "a").tolist() == [0, 1, 2, 3]
        digests = [media_at(api.connection, place, "a", step) for step in range(5)]
    assert [found and found.step for found in digests] == [0, 1, 2, 3, None]
    assert len({found.value["sha256"] for found in digests if found}) == 4

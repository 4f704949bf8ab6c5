"""What the page of a run says of it, what can be changed there, and what is refused."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import runstore
from runstore.query.api import Api
from runstore.web.site import Site
from tests.timing import PROMPT_SECONDS
from tests.web.asking import Asking


@pytest.fixture
def trained(folder: Path) -> Path:
    """A run that has ended well, of hostile names."""
    with runstore.init(
        project="dé mo", id="r1", name="<b>first</b>", tags=["a"], notes="one\ntwo", config={"opt": {"lr": 0.1}}
    ) as run:
        run.log({"loss": 0.5, "bad": math.nan})
        run.alert("look", "at this")
        return Path(run.dir)


REF = "d%C3%A9%20mo/r1"


def test_an_overview_has_all_but_the_history(asking: Asking, trained: Path) -> None:
    one = asking.get("/api/run", ref=REF)
    still = one["still"]
    assert (one["ref"], one["name"], one["state"], one["exit_code"]) == (REF, "<b>first</b>", "finished", 0)
    assert (one["summary"]["loss"], one["summary"]["bad"]) == (0.5, "NaN")
    assert (still["notes"], still["tags"], still["config"]) == ("one\ntwo", ["a"], {"opt": {"lr": 0.1}})
    assert (still["project"], still["project_ref"]) == ("dé mo", "d%C3%A9%20mo")
    assert [alert["title"] for alert in still["alerts"]] == ["look"]
    assert [(Path(log["path"]).parent, log["kind"], log["lost_bytes"]) for log in one["logs"]] == [
        (trained.parent, "start", 0)
    ]
    assert one["can_edit"]


def test_the_machine_is_told_by_the_run_s_own_file_and_by_none_elsewhere(asking: Asking, trained: Path) -> None:
    file = trained / "wandb-metadata.json"
    file.write_text('{"python": "3.12", "args": ["--x"]}')
    assert asking.get("/api/run", ref=REF)["still"]["metadata"]["python"] == "3.12"
    for content in ("[1]", "{", '{"a": ' * 5000):
        file.write_text(content)
        assert asking.get("/api/run", ref=REF)["still"]["metadata"] is None
    file.unlink()
    (trained.parents[2] / "elsewhere.json").write_text('{"python": "3.13"}')
    file.symlink_to(trained.parents[2] / "elsewhere.json")
    assert asking.get("/api/run", ref=REF)["still"]["metadata"] is None


def test_what_hardly_changes_is_sent_once(asking: Asking, trained: Path) -> None:
    first = asking.get("/api/run", ref=REF)
    again = asking.get("/api/run", ref=REF, have=first["digest"])
    assert again["still"] is None
    asking.post("/api/run/edit", {"ref": REF, "notes": "three"})
    assert asking.get("/api/run", ref=REF, have=first["digest"])["still"]["notes"] == "three"


def test_a_run_that_is_not_there_is_said_so(asking: Asking, trained: Path) -> None:
    assert "no run dé mo/r2" in asking.refusal("/api/run", ref="d%C3%A9%20mo/r2", status=404)
    asking.refusal("/api/run", ref="x", status=404)
    asking.refusal("/api/run", status=400)


def test_edits_are_kept_in_the_log_and_outlive_the_index(asking: Asking, trained: Path, tmp_path: Path) -> None:
    changed = {"name": " better ", "notes": "é\n", "group": "g", "add_tags": ["b", "c"], "remove_tags": ["a"]}
    said = asking.post("/api/run/edit", {"ref": REF, **changed})
    expected = {"name": "better", "notes": "é\n", "group": "g", "job_type": "", "tags": ["b", "c"]}
    assert said == expected
    anew = Api(tmp_path / "anew.db", refresh=False)
    anew.catch_up_below(trained.parents[1])
    run = anew.run("r1")
    assert {name: getattr(run, name) for name in expected} == expected
    anew.close()


def test_two_who_tag_at_once_keep_the_tags_of_both(asking: Asking, trained: Path) -> None:
    asking.post("/api/run/edit", {"ref": REF, "add_tags": ["mine"]})
    assert asking.post("/api/run/edit", {"ref": REF, "add_tags": ["theirs"]})["tags"] == ["a", "mine", "theirs"]


def test_notes_that_somebody_else_changed_are_not_overwritten(asking: Asking, trained: Path) -> None:
    asking.post("/api/run/edit", {"ref": REF, "notes": "theirs", "was": {"notes": "one\ntwo"}})
    mine = {"ref": REF, "notes": "mine", "was": {"notes": "one\ntwo"}}
    assert "changed meanwhile" in asking.refusal("/api/run/edit", body=mine, status=400)
    assert asking.get("/api/run", ref=REF)["still"]["notes"] == "theirs"


@pytest.fixture
def locked(asking: Asking, trained: Path, folder: Path) -> Iterator[Asking]:
    """Pages over an index that somebody else writes to, for as long as the test lasts."""
    asking.get("/api/projects")
    with closing(sqlite3.connect(folder / "home" / "index.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield Asking(Site(asking.site.reader))
        other.execute("ROLLBACK")


def test_edits_wait_for_nobody_who_writes_to_the_index(locked: Asking, trained: Path, tmp_path: Path) -> None:
    """They are durable in their log, and shown, before the index has them; the one after sees the one before."""
    began = time.monotonic()
    locked.post("/api/run/edit", {"ref": REF, "name": "better", "notes": "n", "add_tags": ["b"]})
    said = locked.post("/api/run/edit", {"ref": REF, "name": "<b>first</b>", "add_tags": ["c"], "was": {"notes": "n"}})
    assert time.monotonic() - began < PROMPT_SECONDS  # instead of 60 s, after which it would have been refused
    assert said == {"name": "<b>first</b>", "notes": "n", "group": "", "job_type": "", "tags": ["a", "b", "c"]}
    shown = locked.get("/api/run", ref=REF)
    assert (shown["name"], shown["still"]["notes"], shown["still"]["tags"]) == ("<b>first</b>", "n", ["a", "b", "c"])
    row = locked.post("/api/runs", {"project": REF.partition("/")[0], "columns": ["notes", "tags"], "limit": 1})["rows"]
    assert [column[0] for column in row["cells"]][3:] == ["n", '["a","b","c"]']
    with closing(Api(tmp_path / "anew.db", refresh=False)) as anew:
        anew.catch_up_below(trained.parents[1])
        assert (anew.run("r1").name, anew.run("r1").tags) == ("<b>first</b>", ["a", "b", "c"])


def test_an_edit_is_read_from_the_index_as_soon_as_that_has_it(asking: Asking, trained: Path) -> None:
    asking.get("/api/projects")
    with closing(Api(refresh=False)) as api, closing(Api(refresh=False)) as another:
        run = api.run("r1")
        run.name = "mine"
        written = run.write()
        assert written is not None
        api.unread.add(written)
        assert api.run("r1").name == "mine"
        theirs = another.run("r1")
        theirs.name = "theirs"
        theirs.update()  # which reads the log to its end
        assert api.run("r1").name == "theirs"


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"name": "x" * 1001},
        {"config": {}},
        {"add_tags": "abc"},
        {"add_tags": [" "]},
        {"add_tags": ["x" * 201]},
        {"was": []},
        {"ref": 3},
    ],
    ids=lambda change: str(change)[:30],
)
def test_what_is_no_edit_changes_nothing(asking: Asking, trained: Path, change: dict[str, object]) -> None:
    asking.refusal("/api/run/edit", body={"ref": REF, **change}, status=400)
    assert not list(trained.parent.glob("*.edits.rslog"))


def test_pages_for_reading_alone_change_nothing(asking: Asking, trained: Path) -> None:
    for_reading = Asking(Site(asking.site.reader, is_read_only=True, watch=asking.site.watch))
    assert not for_reading.get("/api/run", ref=REF)["can_edit"]
    assert "read-only" in for_reading.refusal("/api/run/edit", body={"ref": REF, "name": "x"}, status=403)


def test_an_overview_says_whether_there_is_a_patch(asking: Asking, trained: Path) -> None:
    (trained / "diff.patch").unlink(missing_ok=True)
    assert not asking.get("/api/run", ref=REF)["still"]["has_patch"]
    (trained / "diff.patch").write_text("--- a\n+++ b\n")
    assert asking.get("/api/run", ref=REF)["still"]["has_patch"]

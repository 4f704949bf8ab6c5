"""Saved views: kept in the home folder, whatever becomes of the index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runstore.errors import NotFound, StorageError
from runstore.web.site import Site
from runstore.web.views import Views
from tests.web.asking import Asking


def test_a_view_is_saved_replaced_and_removed(asking: Asking, folder: Path) -> None:
    assert asking.get("/api/views", ref="demo") == {"views": [], "can_save": True}
    asking.post("/api/views/save", {"ref": "demo", "name": " best ", "query": "sort=loss"})
    asking.post("/api/views/save", {"ref": "demo", "name": "other", "query": ""})
    found = asking.post("/api/views/save", {"ref": "demo", "name": "best", "query": "sort=-acc"})
    assert found["views"] == [{"name": "other", "query": ""}, {"name": "best", "query": "sort=-acc"}]
    assert asking.get("/api/views", ref="else")["views"] == []
    assert (folder / "home" / "ui-views.json").is_file()
    assert asking.post("/api/views/remove", {"ref": "demo", "name": "other"})["views"] == found["views"][1:]
    assert asking.refusal("/api/views/remove", status=404, body={"ref": "demo", "name": "other"})


def test_read_only_pages_show_views_and_save_none(site: Site) -> None:
    Asking(site).post("/api/views/save", {"ref": "demo", "name": "best", "query": ""})
    site.is_read_only = True
    asking = Asking(site)
    assert asking.get("/api/views", ref="demo") == {"views": [{"name": "best", "query": ""}], "can_save": False}
    for change in ("save", "remove"):
        asking.refusal(f"/api/views/{change}", status=403, body={"ref": "demo", "name": "best", "query": ""})


@pytest.mark.parametrize("body", [{"name": " "}, {"name": "x" * 101}, {"name": "a", "query": "x" * 9000}, {"name": 1}])
def test_a_view_without_a_sensible_name_is_refused(asking: Asking, body: dict[str, object]) -> None:
    asking.refusal("/api/views/save", status=400, body={"ref": "demo", "query": "", **body})


def test_two_servers_that_save_at_once_lose_nothing(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from runstore.web.views import Views
for n in range(25):
    Views(Path(sys.argv[1])).save("demo", f"{sys.argv[2]} {n}", "")
"""
    path = tmp_path / "ui-views.json"
    saving = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in ("one", "other")]
    assert [process.wait(60) for process in saving] == [0, 0]
    assert {view["name"] for view in Views(path).of("demo")} == {
        f"{who} {n}" for who in ("one", "other") for n in range(25)
    }


def test_a_broken_file_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ui-views.json"
    for text in ("{", "[]"):
        path.write_text(text)
        with pytest.raises(StorageError, match=r"ui-views\.json"):
            Views(path).save("demo", "a", "")
        assert path.read_text() == text


def test_what_people_wrote_into_the_file_by_hand_is_passed_over_where_it_is_no_view(tmp_path: Path) -> None:
    path = tmp_path / "ui-views.json"
    path.write_text('{"demo": [{"name": "a", "query": "x=1"}, {"name": 1}, 5], "else": 3}')
    views = Views(path)
    assert views.of("demo") == [{"name": "a", "query": "x=1"}]
    assert views.of("else") == []
    with pytest.raises(NotFound):
        views.remove("demo", "b")

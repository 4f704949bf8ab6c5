"""The files of a run by the JSON API, and what their addresses lead to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import runstore
from tests.web.asking import Asking

HOSTILE = "a b#?%2F&é<i>.txt"
CONTENTS = {"sub/deep/a.json": '{"a": 1}', HOSTILE: "hostile", "page.html": "<script>1</script>"}


@pytest.fixture
def files(folder: Path) -> Path:
    with runstore.init(project="demo", id="r1") as run:
        for name, content in {
            "sub/deep/a.json": '{"a": 1}',
            HOSTILE: "hostile",
            "page.html": "<script>1</script>",
        }.items():
            path = Path(run.dir, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return Path(run.dir)


def test_all_files_are_listed_with_their_sizes(asking: Asking, files: Path) -> None:
    found = asking.get("/api/files", ref="demo/r1")["found"]
    sizes = dict(zip(found["names"], found["sizes"], strict=True))
    assert {name: sizes[name] for name in ("sub/deep/a.json", HOSTILE)} == {"sub/deep/a.json": 8, HOSTILE: 7}
    assert found["total"] == len(found["times"]) == len(sizes)
    assert found["missing"] == []


def test_a_listing_that_is_known_is_not_sent_once_more(asking: Asking, files: Path) -> None:
    first = asking.get("/api/files", ref="demo/r1")
    assert asking.get("/api/files", ref="demo/r1", have=first["digest"])["found"] is None
    (files / "more.txt").write_text("more")
    again = asking.get("/api/files", ref="demo/r1", have=first["digest"])
    assert again["found"]["total"] == first["found"]["total"] + 1


def test_a_file_is_read_at_its_address_and_by_parts(asking: Asking, files: Path) -> None:
    opened = asking.get("/api/files/open", ref="demo/r1", name=HOSTILE)
    assert opened["size"] == 7
    whole = asking.request("GET", f"/{opened['file']}", is_known=False)
    assert (whole.status_code, whole.text) == (200, "hostile")
    part = asking.request("GET", f"/{opened['file']}", headers={"Range": "bytes=1-3"}, is_known=False)
    assert (part.status_code, part.text) == (206, "ost")


def test_html_comes_as_a_download_or_in_a_sandbox(asking: Asking, files: Path) -> None:
    opened = asking.get("/api/files/open", ref="demo/r1", name="page.html")
    assert "attachment" in asking.request("GET", f"/{opened['download']}").headers["content-disposition"]
    framed = asking.request("GET", f"/{opened['frame']}").headers
    assert "sandbox" in framed["content-security-policy"]


@pytest.mark.parametrize("name", ["../run-r1.wandb", "/etc/passwd", "sub", "gone.txt", ""])
def test_only_what_is_listed_is_opened(asking: Asking, files: Path, name: str) -> None:
    asking.refusal("/api/files/open", ref="demo/r1", name=name, status=404)


def test_names_that_are_no_text_are_shown_escaped_and_opened_by_their_bytes(asking: Asking, files: Path) -> None:
    wanted = {b"caf\xe9.txt": "caf\\xe9.txt", b"\xff/\xe9 \xf0": "\\xff/\\xe9 \\xf0", b"bytes:a%41": "bytes:a%41"}
    for name in wanted:
        path = os.path.join(os.fsencode(files), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(name)
    (files / "é %41.txt").write_bytes("é %41.txt".encode())
    found = asking.get("/api/files", ref="demo/r1")["found"]
    refs = {int(place): ref for place, ref in found["refs"].items()}
    assert {found["names"][place] for place in refs} == set(wanted.values())
    assert "é %41.txt" in found["names"]
    for place, name in enumerate(found["names"]):
        opened = asking.get("/api/files/open", ref="demo/r1", name=refs.get(place, name))
        assert opened["name"] == name
        content = asking.request("GET", opened["download"], is_known=False).content
        assert content == next((odd for odd, shown in wanted.items() if shown == name), content)


def test_links_that_are_dead_or_lead_elsewhere_are_not_listed(asking: Asking, files: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (files / "dead.txt").symlink_to(files / "nowhere")
    (files / "secret.txt").symlink_to(tmp_path / "secret")
    assert not {"dead.txt", "secret.txt"} & set(asking.get("/api/files", ref="demo/r1")["found"]["names"])
    asking.refusal("/api/files/open", ref="demo/r1", name="secret.txt", status=404)

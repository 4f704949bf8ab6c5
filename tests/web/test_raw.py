"""How bytes of runs are answered: as what, under which policy, which of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstore.web.contenttypes import shown_as
from runstore.web.ranges import asked_range
from runstore.web.tickets import Way
from tests.web.asking import Asking
from tests.web.runfiles import run_with_files

PAGE = b"<script>fetch('../../api/projects').then(alert)</script>"
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
WAYS: tuple[Way, ...] = ("file", "image", "frame", "download")


@pytest.fixture
def served(asking: Asking) -> Asking:
    """A run with a file of each kind, which the index knows."""
    run_with_files(
        {
            "page.html": PAGE,
            "PAGE.HTM": PAGE,
            "drawing.svg": DRAWING,
            "a.png": bytes(range(256)) * 4,
            "clip.mp4": b"mp4",
            "notes.md": b"# notes",
            "model.pkl": b"\x80\x04",
            "evil.xhtml": PAGE,
            "noending": PAGE,
            'odd "name\r\n.bin': b"odd",
        },
        {"abc": b"blob"},
    )
    asking.get("/api/projects")
    return asking


def policy_of(headers: object) -> str:
    return str(headers["content-security-policy"])  # type: ignore[index]


@pytest.mark.parametrize("name", ["page.html", "PAGE.HTM"])
def test_html_has_no_origin_even_when_it_is_opened_by_itself(served: Asking, name: str) -> None:
    """A sandboxed iframe alone would not do: its address can be opened in a tab, where it could ask the API."""
    answer = served.request("GET", "/" + served.site.tickets.address("demo/one", "files", name, "frame"))
    assert answer.content == PAGE
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = policy_of(answer.headers)
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy  # and so nothing: default-src has none
    assert "'self'" not in policy.replace("frame-ancestors 'self'", "")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("as_", ["file", "image", "download"])
def test_html_is_a_download_unless_it_was_asked_for_as_a_frame(served: Asking, as_: Way) -> None:
    answer = served.request("GET", "/" + served.site.tickets.address("demo/one", "files", "page.html", as_))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''page.html"


def test_svg_is_a_picture_that_runs_nothing_and_else_a_download(served: Asking) -> None:
    answer = served.request("GET", "/" + served.site.tickets.address("demo/one", "files", "drawing.svg", "image"))
    assert answer.headers["content-type"] == "image/svg+xml"
    policy = policy_of(answer.headers)
    assert "default-src 'none'" in policy
    assert policy.endswith("sandbox")
    assert "script" not in policy
    as_: Way
    for as_ in ("file", "frame", "download"):
        answer = served.request("GET", "/" + served.site.tickets.address("demo/one", "files", "drawing.svg", as_))
        assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("as_", WAYS)
@pytest.mark.parametrize(
    "name", ["model.pkl", "evil.xhtml", "noending", "x.shtml", "x.xml.gz", "x.mht", "x.swf", "x.pdf", ".html"]
)
def test_unknown_types_are_downloads_whatever_they_are_asked_for_as(name: str, as_: Way) -> None:
    shown = shown_as(name, as_)
    assert shown.media_type == "application/octet-stream"
    assert shown.headers["Content-Disposition"].startswith("attachment")


@given(name=st.text(max_size=20), ending=st.sampled_from([".html", ".svg", ".png", ".js", ".xml", ".txt", ""]))
def test_nothing_that_could_hold_a_script_is_shown_without_a_sandbox(name: str, ending: str) -> None:
    for as_ in WAYS:
        shown = shown_as(name + ending, as_)
        if shown.media_type.partition(";")[0] in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"):
            assert "sandbox" in shown.headers["Content-Security-Policy"]
        assert not shown.media_type.startswith("text/javascript")
        assert all("\n" not in value and value.isascii() for value in shown.headers.values())


def test_types_that_are_shown(served: Asking) -> None:
    for name, as_, expected in (
        ("a.png", "image", "image/png"),
        ("a.png", "file", "image/png"),
        ("clip.mp4", "file", "video/mp4"),
        ("notes.md", "file", "text/plain; charset=utf-8"),
    ):
        answer = served.request("GET", "/" + served.site.tickets.address("demo/one", "files", name, as_))  # type: ignore[arg-type]
        assert answer.headers["content-type"] == expected
        assert "content-disposition" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in policy_of(answer.headers)


def test_a_blob_has_the_name_that_it_is_given(served: Asking) -> None:
    address = served.site.tickets.address("demo/one", "blobs", "abc", "file", "data/weights.txt")
    answer = served.request("GET", f"/{address}")
    assert answer.content == b"blob"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_hostile_name_breaks_no_header(served: Asking) -> None:
    address = served.site.tickets.address("demo/one", "files", 'odd "name\r\n.bin', "download")
    answer = served.request("GET", f"/{address}")
    assert answer.content == b"odd"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''odd%20%22name%0D%0A.bin"


# Ranges: players seek.


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=1000-", 1000, 1024), ("bytes=-24", 1000, 1024), ("bytes=1000-9999", 1000, 1024)],
)
def test_a_range_is_answered_with_its_bytes(served: Asking, asked: str, start: int, stop: int) -> None:
    whole = bytes(range(256)) * 4
    address = served.site.tickets.address("demo/one", "files", "a.png")
    answer = served.request("GET", f"/{address}", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == whole[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/1024"
    assert answer.headers["content-length"] == str(stop - start)


def test_a_range_behind_the_end_is_refused_with_the_size(served: Asking) -> None:
    address = served.site.tickets.address("demo/one", "files", "a.png")
    answer = served.request("GET", f"/{address}", headers={"Range": "bytes=1024-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */1024"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=5-2", "lines=1-2", "bytes=", "bytes=-", "bytes=a-b"])
def test_what_is_no_single_range_is_answered_whole(served: Asking, asked: str) -> None:
    address = served.site.tickets.address("demo/one", "files", "a.png")
    answer = served.request("GET", f"/{address}", headers={"Range": asked})
    assert answer.status_code == 200
    assert len(answer.content) == 1024
    assert answer.headers["accept-ranges"] == "bytes"


def test_a_file_that_the_browser_has_is_not_sent_again_until_it_changes(served: Asking) -> None:
    address = "/" + served.site.tickets.address("demo/one", "files", "a.png")
    tag = served.request("GET", address).headers["etag"]
    again = served.request("GET", address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    run_with_files({"a.png": b"new"})
    served.get("/api/projects")
    changed = served.request("GET", address, headers={"If-None-Match": tag, "Range": "bytes=1-", "If-Range": tag})
    assert (changed.status_code, changed.content) == (200, b"new")


def test_the_head_of_a_file_says_how_long_it_is(served: Asking) -> None:
    answer = served.request("HEAD", "/" + served.site.tickets.address("demo/one", "files", "a.png"))
    assert (answer.content, answer.headers["content-length"]) == (b"", "1024")


@given(
    first=st.integers(0, 50) | st.none(),
    last=st.integers(0, 50) | st.none(),
    size=st.integers(0, 40),
)
def test_a_range_is_always_inside_the_file(first: int | None, last: int | None, size: int) -> None:
    text = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    found = asked_range(text, size)
    if found:
        assert 0 <= found.start < found.stop <= size


def test_html_in_a_tab_of_its_own_is_a_download(asking: Asking) -> None:
    """There it could lead the tab to any address, and tell that site what it likes."""
    run_with_files({"page.html": b"<script>location = 'https://evil.example/'</script>"})
    asking.get("/api/projects")
    address = "/" + asking.site.tickets.address("demo/one", "files", "page.html", "frame")
    for dest, kind in (("document", "application/octet-stream"), ("iframe", "text/html; charset=utf-8")):
        answer = asking.request("GET", address, headers={"Sec-Fetch-Dest": dest}, is_known=False)
        assert answer.headers["content-type"] == kind

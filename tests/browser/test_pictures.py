"""The pictures of docs/ui.md: taken in every run of the tests, and kept by `make pictures`."""

from __future__ import annotations

import getpass
import io
import os
import platform
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.browser import parts
from tests.browser.chrome import Visitor, quiet
from tests.browser.serving import Served

SIZE = {"width": 1280, "height": 760}
COLOURS = 96
MOST_BYTES = 90_000


# What a page says of the machine that the tests run on: it is nobody's business.
NAMELESS = """([folder, python, host, user, system]) => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        node.data = node.data.replaceAll(folder, "/home/ada/digits").replaceAll(python, "/home/ada/.venv/bin/python")
            .replaceAll(/\\/\\S*browser-corpus[^/\\s]*/g, "/home/ada/digits").replaceAll(`user ${user}`, "user ada")
            .replaceAll(system, "Linux-6.1.0-x86_64-with-glibc2.36");
        if ([host, `on ${host}`].includes(node.data) || node.data.startsWith(`${host},`)) {
            node.data = node.data.replace(host, "gpu3");
        }
    }
}"""


def charts(page: Page) -> None:
    parts.chart(page, "train/loss").wait_for()


def overview(page: Page) -> None:
    page.get_by_role("region", name="Facts").wait_for()


def media(page: Page) -> None:
    page.get_by_role("region", name="cloud", exact=True).locator("canvas").first.wait_for()
    page.get_by_role("region", name="image", exact=True).scroll_into_view_if_needed()
    page.get_by_role("region", name="images", exact=True).get_by_role("img", name="step 3").first.wait_for()


def logs(page: Page) -> None:
    page.get_by_role("region", name="Console").get_by_text("red words").wait_for()


def compared(page: Page) -> None:
    page.get_by_role("region", name="Runs side by side").wait_for()


def parallel(page: Page) -> None:
    page.get_by_role("group", name="Axes").wait_for()


def lineage(page: Page) -> None:
    page.get_by_role("link", name="version pipeline/classifier:v1, model").wait_for()


# Name -> address, what to wait for, and light or dark.
PICTURES: dict[str, tuple[str, Callable[[Page], None], str]] = {
    "project": ("p/digits?top=12&smooth=0.6&shut=Charts", charts, "light"),
    "dark": ("p/digits?top=12&filter=tag:baseline&shut=Charts", charts, "dark"),
    "run": ("r/digits/lr0.1-s0", overview, "light"),
    "logs": ("r/console/talks?tab=logs", logs, "dark"),
    "media": ("r/media/media?tab=media", media, "light"),
    "compare": ("compare?runs=digits/lr0.1-s0,digits/lr0.3-s0,digits/failed", compared, "light"),
    "parallel": ("p/digits/groups?view=parallel", parallel, "light"),
    "lineage": ("a/pipeline/dataset/flowers:latest?tab=lineage", lineage, "light"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_for_the_docs(visit: Callable[..., Visitor], served: Served, tmp_path: Path, name: str) -> None:
    address, ready, scheme = PICTURES[name]
    visitor = visit(served, viewport=SIZE, color_scheme=scheme, reduced_motion="reduce")
    visitor.tolerate("app.wandb.ai")
    page = visitor.enter(address)
    ready(page)
    quiet(visitor)
    folder, host, user = str(served.bench.folder), socket.gethostname(), getpass.getuser()
    page.evaluate(NAMELESS, [folder, sys.executable, host, user, platform.platform()])
    page.mouse.move(0, 0)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS)
    kept = Path(os.environ.get("RUNSTORE_PICTURES") or tmp_path) / f"{name}.png"
    kept.parent.mkdir(parents=True, exist_ok=True)
    picture.save(kept, optimize=True)
    assert 5_000 < kept.stat().st_size < MOST_BYTES

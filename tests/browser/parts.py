"""Parts of the pages, found as somebody who can't see finds them: by what they are and what they are called."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.timing import eventually

SWEEP = tuple(f"lr {lr} seed {seed}" for lr in ("0.3", "0.1", "0.03", "0.01") for seed in (0, 1, 2))
ODD = ("the diverged one", "the failed one", "the killed one")


def table(page: Page) -> Locator:
    """The table of runs."""
    return page.get_by_role("region", name="Runs", exact=True).get_by_role("table")


def rows(page: Page) -> Locator:
    """The rows of the table of runs that are in the page."""
    return table(page).get_by_role("row").filter(has=page.get_by_role("rowheader").get_by_role("link"))


def names(page: Page) -> list[str]:
    """Names of the runs in the table, from the top."""
    return table(page).get_by_role("rowheader").get_by_role("link").all_inner_texts()


def when_names(page: Page, wanted: list[str]) -> None:
    """Wait until the table shows these runs, from the top."""
    eventually(lambda: names(page)[: len(wanted)] == wanted)


def when_listed(page: Page, wanted: list[str]) -> None:
    """Wait until the table shows these runs and no others, in any order; `wanted` is sorted."""
    eventually(lambda: sorted(names(page)) == wanted)


def column(page: Page, name: str) -> list[str]:
    """Texts of one column, from the top."""
    heads = [one.inner_text().strip(" ↑↓\n") for one in table(page).get_by_role("columnheader").all()]
    place = heads.index(name)
    return [row.locator("th, td").nth(place).inner_text().strip() for row in rows(page).all()]


def sort_by(page: Page, name: str, order: str) -> None:
    """Click a head of the table until it says that order."""
    head = table(page).get_by_role("columnheader", name=name, exact=True)
    for _ in range(3):
        if head.get_attribute("aria-sort") == order:
            return
        head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", order)


def card(page: Page, metric: str) -> Locator:
    """The card of one chart."""
    return page.get_by_role("region", name=metric, exact=True).first


def chart(page: Page, metric: str) -> Locator:
    """What is drawn on a card; what it is called says the axis, how many runs, and the values' range."""
    return card(page, metric).get_by_role("img", name=f"Chart of {metric} over")


def data_of(page: Page, metric: str) -> dict[str, list[float | None]]:
    """The columns of a chart's data, saved as CSV by its menu."""
    card(page, metric).get_by_role("button", name="What can be done with").click()
    with page.expect_download() as coming:
        card(page, metric).get_by_role("button", name="Save as CSV").click()
    head, *lines = csv.reader(Path(coming.value.path()).read_text(encoding="utf-8").splitlines())
    return {name: [float(line[at]) if line[at] else None for line in lines] for at, name in enumerate(head)}


def drag(page: Page, metric: str, begin: float, end: float) -> None:
    """Mark a part of a chart with the mouse; places are shares of the width of what is drawn.

    Charts above it may still grow and push it away from under the pointer: then what was begun is given up, and begun
    again where the chart is now.
    """
    eventually(lambda: mark(page, metric, begin, end))
    page.mouse.up()


def mark(page: Page, metric: str, begin: float, end: float) -> bool:
    """Begin to mark a part of a chart: the mouse is still down then. Returns False where the chart moved meanwhile."""
    drawn = chart(page, metric)
    drawn.hover()  # once it stands still
    box = drawn.bounding_box()
    assert box is not None
    first, last = (box["x"] + box["width"] * share for share in (begin, end))
    middle = box["y"] + box["height"] / 2
    page.mouse.move(first, middle)
    page.mouse.down()
    page.mouse.move((first + last) / 2, middle)
    page.mouse.move(last, middle)
    if drawn.bounding_box() == box:
        return True
    page.mouse.move(first, middle)
    page.mouse.up()
    return False


def zoomed(page: Page) -> tuple[float, float]:
    """From where to where the address says that x goes."""
    _, begin, end = parse_qs(urlsplit(page.url).query)["zoom"][0].split(",")
    return float(begin), float(end)


def saying(part: str) -> re.Pattern[str]:
    """What fits a text with this part."""
    return re.compile(re.escape(part))


def panel(page: Page, key: str) -> Locator:
    """The panel of what was logged under a key, in view."""
    found = page.get_by_role("region", name=key, exact=True).first
    found.scroll_into_view_if_needed()
    return found


def when_masks_can_be_switched(page: Page) -> None:
    """Wait for the picture under `image`, and see that a class of what lies over it can be hidden."""
    image = panel(page, "image")
    picture = image.get_by_role("img", name="step 2").first
    picture.wait_for()
    eventually(lambda: picture.evaluate("one => one.naturalWidth") == 64)
    image.get_by_text("cat 0.9").first.wait_for()
    before = image.screenshot()
    image.get_by_role("button", name="cat").first.press("Enter")  # other pictures may still push it away from a mouse
    eventually(lambda: image.screenshot() != before)


def when_sound_and_film_are_there(page: Page) -> None:
    """Wait until what was logged as `audio` and `video` can be played."""
    sound = panel(page, "audio").locator("audio")
    sound.evaluate("one => one.load()")  # nothing is fetched before somebody presses play
    eventually(lambda: abs(sound.evaluate("one => one.duration") - 0.5) < 0.01)
    film = panel(page, "video").get_by_role("img").first
    eventually(lambda: film.evaluate("one => one.naturalWidth") == 32)

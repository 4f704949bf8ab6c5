"""Zoom: by the mouse, and with a spike of one step among a million in sight all the way down to it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import parts
from tests.browser.chrome import Visitor, quiet
from tests.timing import eventually

SPIKE_AT = 777_777
LEAST_CONTRAST = 2.0


@dataclass(frozen=True)
class Column:
    """Of a picture: where it is, as a share of the width, how much of its height is ink, and that ink's contrast."""

    at: float
    share: float
    contrast: float


def tallest(page: Page, metric: str) -> Column:
    """Return the column of a chart that is painted most, as it is on the screen; contrast as WCAG counts it."""
    page.mouse.move(0, 0)
    picture = np.asarray(Image.open(io.BytesIO(parts.chart(page, metric).screenshot())).convert("RGB"), float) / 255
    height, width, _ = picture.shape
    plot = picture[round(height * 0.12) : round(height * 0.7), round(width * 0.2) : round(width * 0.98)]
    linear = np.where(plot <= 0.03928, plot / 12.92, ((plot + 0.055) / 1.055) ** 2.4)
    light = linear @ [0.2126, 0.7152, 0.0722]
    ground = np.median(light)
    contrast = np.maximum((light + 0.05) / (ground + 0.05), (ground + 0.05) / (light + 0.05))
    shares = (contrast > 1.15).mean(0)
    best = int(shares.argmax())
    return Column((best + round(width * 0.2)) / width, float(shares[best]), float(np.median(contrast[:, best])))


@pytest.mark.parametrize("together", [1, 2])
def test_a_spike_of_one_step_in_a_million_is_in_sight_all_the_way_down_to_it(visitor: Visitor, together: int) -> None:
    page = visitor.enter("p/long" if together > 1 else "p/long?filter=id:spike")
    parts.chart(page, "loss").wait_for()
    for _ in range(5):
        spike = eventually(lambda: (found := tallest(page, "loss")).share > 0.9 and found)
        assert spike.contrast >= LEAST_CONTRAST, spike
        before = page.url
        parts.drag(page, "loss", spike.at - 0.06, spike.at + 0.06)
        page.wait_for_url(re.compile(f"^(?!{re.escape(before)}$)"))
        begin, end = parts.zoomed(page)
        assert begin < SPIKE_AT < end
    assert end - begin < 1000
    expect(parts.chart(page, "loss")).to_have_attribute("aria-label", parts.saying("to 1000"))
    data = eventually(lambda: (found := parts.data_of(page, "loss")) and 777_777.0 in found["step"] and found)
    assert data["a million steps"][data["step"].index(SPIKE_AT)] == 1000


def test_where_the_spike_is_not_none_is_drawn(visitor: Visitor) -> None:
    page = visitor.enter("p/long?zoom=_step,100000,500000")
    expect(parts.chart(page, "loss")).to_have_attribute("aria-label", parts.saying("values from 0."))
    quiet(visitor)
    assert tallest(page, "loss").share < 0.7


def test_a_zoom_fetches_that_range_anew_in_full_and_a_double_click_ends_it(visitor: Visitor) -> None:
    page = visitor.enter("p/long?zoom=_step,500,700")
    parts.chart(page, "ramp").wait_for()
    data = eventually(lambda: (found := parts.data_of(page, "ramp")) and 600.0 in found["step"] and found)
    assert {500.0, 501.0, 502.0, 699.0} <= set(data["step"])

    def ended() -> bool:
        box = parts.chart(page, "ramp").bounding_box()
        assert box is not None
        page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        return "zoom" not in page.url

    eventually(ended)  # charts above it that are drawn meanwhile move it away from under the pointer
    eventually(lambda: max(step or 0 for step in parts.data_of(page, "ramp")["step"]) > 19_000)


def test_a_zoom_survives_a_reload_and_a_button_ends_it(visitor: Visitor) -> None:
    page = visitor.enter("p/long")
    parts.chart(page, "ramp").wait_for()
    parts.drag(page, "ramp", 0.4, 0.6)
    eventually(lambda: "zoom" in page.url)
    begin, end = parts.zoomed(page)
    assert 5_000 < begin < end < 15_000
    page.reload()
    page.get_by_role("button", name="show all of step").click()
    eventually(lambda: "zoom" not in page.url)

"""Charts: what they draw, over which axis, smoothed, with gaps; and their data for those who can't see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser import parts
from tests.browser.chrome import Visitor, quiet
from tests.timing import eventually

RAMP_STEPS = 20_000


def ramp() -> np.ndarray[Any, np.dtype[np.float64]]:
    """What corpus/spike.py logs as `ramp`."""
    step = np.arange(RAMP_STEPS)
    values: np.ndarray[Any, np.dtype[np.float64]] = np.minimum(1.0, step / 500) + 0.2 * np.sin(step * 12.9898) * np.cos(
        step * 78.233
    )
    return values


def smoothed(values: np.ndarray[Any, np.dtype[np.float64]], alpha: float) -> list[float]:
    """An exponential moving average over every point, debiased as TensorBoard's is."""
    state = 0.0
    found: list[float] = []
    for place, value in enumerate(values, 1):
        state = alpha * state + (1 - alpha) * value
        found.append(float(state / (1 - alpha**place)))
    return found


def test_each_metric_has_a_chart_in_the_section_of_its_prefix(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    for metric in ("train/loss", "train/acc", "val/loss"):
        expect(parts.chart(page, metric)).to_have_attribute("aria-label", parts.saying("10 runs"))
    section = page.get_by_role("button", name="train 3")
    section.click()
    expect(parts.card(page, "train/loss")).to_have_count(0)
    page.reload()
    parts.chart(page, "val/loss").wait_for()
    expect(parts.card(page, "train/loss")).to_have_count(0)


def test_a_switched_off_run_leaves_every_chart(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.chart(page, "train/loss").wait_for()
    parts.table(page).get_by_role("switch").first.click()
    expect(parts.chart(page, "train/loss")).to_have_attribute("aria-label", parts.saying("9 runs"))


def test_the_step_metric_is_the_axis_and_said_and_another_can_be_chosen(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    expect(parts.chart(page, "val/loss")).to_have_attribute("aria-label", parts.saying("over epoch"))
    assert parts.card(page, "val/loss").get_by_text("by epoch").is_visible()
    axis = page.get_by_role("combobox", name="x axis")
    axis.select_option("step")
    expect(parts.chart(page, "val/loss")).to_have_attribute("aria-label", parts.saying("over step"))
    axis.select_option("time since the start")
    expect(parts.chart(page, "val/loss")).to_have_attribute("aria-label", parts.saying("over time since start"))
    axis.select_option("train/acc")
    expect(parts.chart(page, "train/loss")).to_have_attribute("aria-label", parts.saying("over train/acc"))


def test_a_run_without_the_axis_is_named_with_the_reason(visitor: Visitor) -> None:
    page = visitor.enter("p/long?x=ramp")
    parts.card(page, "loss").get_by_text("a million steps has no ramp at its steps").wait_for()


def test_what_is_not_finite_is_a_gap_and_said(visitor: Visitor) -> None:
    page = visitor.enter("p/digits?filter=diverged")
    parts.card(page, "train/loss").get_by_text("× not finite: the diverged one").wait_for()  # noqa: RUF001 - as the page says it
    data = parts.data_of(page, "train/loss")
    values = dict(zip(data["step"], data["the diverged one"], strict=True))
    assert values[60.0] is not None
    assert all(value is None for step, value in values.items() if step is not None and step > 61)


@pytest.mark.parametrize("alpha", [0.9, 0.99])
def test_smoothing_is_that_of_every_point_and_bends_no_ramp(visitor: Visitor, alpha: float) -> None:
    page = visitor.enter(f"p/long?smooth={alpha}&top=0&on=ramp")
    parts.chart(page, "ramp").wait_for()
    data = parts.data_of(page, "ramp")
    reference = smoothed(ramp(), alpha)
    steps, values = data["step"], data["a ramp"]
    width = (steps[10] or 0) - (steps[9] or 0)
    assert 20 < width < 200, "the page is to have buckets, not points"
    inside = [(step, value) for step, value in zip(steps, values, strict=True) if step and value is not None][1:-1]
    assert len(inside) > 150
    # A bucket's average is that at its end, up to what its own points differ by.
    wrong = [abs(value - reference[min(RAMP_STEPS - 1, int(step + width / 2))]) for step, value in inside]
    assert max(wrong) < 0.1
    assert np.mean(wrong) < 0.03


def test_a_logarithmic_axis_says_what_has_no_place_on_it(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.chart(page, "train/acc").wait_for()
    button = page.get_by_role("button", name="log y")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    parts.card(page, "train/acc").get_by_text("not above 0").wait_for()


def test_the_data_of_a_chart_is_a_table(visitor: Visitor) -> None:
    page = visitor.enter("p/digits?filter=state:failed")
    parts.chart(page, "train/loss").wait_for()
    parts.card(page, "train/loss").get_by_role("button", name="What can be done with").click()
    parts.card(page, "train/loss").get_by_role("button", name="Show the data as a table").click()
    dialog = page.get_by_role("dialog", name="train/loss")
    rows = dialog.get_by_role("row")
    eventually(lambda: rows.count() == 1 + 51)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_charts_are_saved_as_pictures(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.chart(page, "train/loss").wait_for()
    for item, beginning in (("Save as PNG", b"\x89PNG"), ("Save as SVG", b"<svg")):
        parts.card(page, "train/loss").get_by_role("button", name="What can be done with").click()
        with page.expect_download() as coming:
            parts.card(page, "train/loss").get_by_role("button", name=item).click()
        content = Path(coming.value.path()).read_bytes()
        assert beginning in content[:200]
        assert len(content) > 3000
        assert "/" not in coming.value.suggested_filename


def test_formulas_in_names_are_quoted_in_csv(visitor: Visitor) -> None:
    page = visitor.enter()
    page.get_by_role("link", name="<img src=x onerror=window.hacked=1>").first.click()
    metric = "=cmd|' /C calc'!A0"
    parts.chart(page, metric).wait_for()
    parts.card(page, metric).get_by_role("button", name="What can be done with").click()
    with page.expect_download() as coming:
        parts.card(page, metric).get_by_role("button", name="Save as CSV").click()
    text = Path(coming.value.path()).read_text(encoding="utf-8")
    assert not any(line.lstrip('"').startswith(("=", "+", "-", "@")) for line in text.splitlines()), text
    assert page.evaluate("window.hacked") is None


def test_only_charts_near_the_view_are_fetched(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 1440, "height": 400})
    page = visitor.enter("p/digits")
    parts.chart(page, "train/loss").wait_for()
    quiet(visitor)
    asked = []
    page.on("request", lambda request: asked.append(request.post_data or "") if "api/charts" in request.url else None)
    expect(parts.chart(page, "val/loss")).to_have_count(0)
    parts.card(page, "val/loss").scroll_into_view_if_needed()
    parts.chart(page, "val/loss").wait_for()
    assert any("val/loss" in body for body in asked)


def test_a_filled_window_leaves_with_escape(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.chart(page, "train/loss").wait_for()
    page.get_by_role("button", name="Let train/loss fill the window").click()
    dialog = page.get_by_role("dialog", name="train/loss")
    dialog.get_by_role("img").first.wait_for()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_metrics_with_names_of_the_language_are_metrics(visitor: Visitor) -> None:
    page = visitor.enter()
    page.get_by_role("link", name="<img src=x onerror=window.hacked=1>").first.click()
    page.get_by_role("button", name="Of each row").click()  # there are those that begin with "_"
    for metric in ("constructor", "__proto__"):
        parts.card(page, metric).scroll_into_view_if_needed()
        expect(parts.chart(page, metric)).to_have_attribute("aria-label", parts.saying("values from 0 to 29"))

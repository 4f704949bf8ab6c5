"""A run that trains while somebody looks on."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser import corpora, parts
from tests.browser.chrome import Visitor, quiet
from tests.browser.serving import Served
from tests.timing import eventually


def test_a_run_that_trains_appears_grows_and_ends_by_itself(visit: Callable[..., Visitor], served: Served) -> None:
    visitor = visit(served)
    with corpora.live(served.bench, "grows", "growing") as log:
        log(3)
        page = visitor.enter()
        page.get_by_role("link", name="growing", exact=True).first.click()
        expect(parts.chart(page, "loss")).to_have_attribute("aria-label", parts.saying("values from 0.25 to 1"))
        assert "running" in parts.rows(page).first.inner_html()
        log(5)
        expect(parts.chart(page, "loss")).to_have_attribute("aria-label", parts.saying("from 0.1"))
        quiet(visitor)
        visitor.costs.clear()
        log(90)
        expect(parts.chart(page, "loss")).to_have_attribute("aria-label", parts.saying("from 0.009901"))
        data = parts.data_of(page, "loss")
        assert data["step"] == [float(step) for step in range(101)]
        assert data["training now"] == [round_4(1 / (1 + step)) for step in range(101)]
    eventually(lambda: "finished" in parts.rows(page).first.inner_html())


def test_only_what_is_new_travels(visit: Callable[..., Visitor], served: Served) -> None:
    visitor = visit(served)
    answers: list[int] = []
    with corpora.live(served.bench, "travels") as log:
        log(20_000)
        visitor.page.on("response", lambda one: answers.append(len(one.body())) if "api/charts" in one.url else None)
        page = visitor.enter("p/live?filter=id:travels&charts=^loss$")
        is_all_there = parts.saying("from 5\u00d710\u207b\u2075 to 1.")  # the last of them is 1/20000
        expect(parts.chart(page, "loss")).to_have_attribute("aria-label", is_all_there)
        quiet(visitor)
        whole = max(answers)
        answers.clear()
        log(10)
        page.wait_for_event("response", lambda one: "api/charts" in one.url)
        quiet(visitor)
        assert max(answers) < 500 < whole / 4


def test_a_chart_stands_still_while_a_part_of_it_is_marked(visit: Callable[..., Visitor], served: Served) -> None:
    visitor = visit(served)
    with corpora.live(served.bench, "marked") as log:
        log(9)
        page = visitor.enter("p/live?filter=id:marked&charts=^loss$")
        drawn = parts.chart(page, "loss")
        expect(drawn).to_have_attribute("aria-label", parts.saying("values from 0.1 to 1"))
        eventually(lambda: parts.mark(page, "loss", 0.3, 0.7))
        with page.expect_response(lambda one: "api/charts" in one.url and '"after"' in (one.request.post_data or "")):
            log(989)
        page.wait_for_timeout(500)  # what came is not to be drawn: there is nothing to wait for
        expect(drawn).to_have_attribute("aria-label", parts.saying("values from 0.1 to 1"))
        page.mouse.up()
        page.wait_for_url(parts.saying("zoom="))
        begin, end = parts.zoomed(page)
        assert 1 < begin < end < 8
        page.get_by_role("button", name="show all of step").click()
        expect(drawn).to_have_attribute("aria-label", parts.saying("values from 0.001 to 1"))


def test_a_project_that_is_new_appears_on_the_first_page(visit: Callable[..., Visitor], served: Served) -> None:
    page = visit(served).enter()
    page.get_by_role("link", name="digits").first.wait_for()
    done = served.bench.train("import runstore\nwith runstore.init(project='brand new') as run: run.log({'loss': 1})")
    assert done.returncode == 0, done.stderr
    page.get_by_role("link", name="brand new").first.wait_for()


def round_4(value: float) -> float:
    """Four digits that count, as values travel."""
    return float(f"{value:.4g}")

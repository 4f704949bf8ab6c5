"""The table of runs: pages, order, filters, columns, and what is said where nothing is found."""

from __future__ import annotations

import gzip
import math
import random
from typing import Any

import orjson
import pytest

import runstore
from runstore.web.jsontext import as_json
from tests.web.asking import Asking


def log_run(name: str, project: str = "demo", tags: tuple[str, ...] = (), /, loss: float = 1.0, **config: Any) -> str:
    """Record a finished run of one step; return its id."""
    with runstore.init(project=project, name=name, config=config, tags=tags) as run:
        run.log({"loss": loss})
        return str(run.id)


def ask(asking: Asking, **body: Any) -> Any:
    """Return one page of `demo`, or of what else is asked for."""
    return asking.post("/api/runs", {"project": "demo", "limit": 100, **body})


def names(answer: Any) -> list[str]:
    """Return the names of the runs of a page."""
    return list(answer["rows"]["cells"][0])


def test_the_newest_run_comes_first_and_pages_follow_each_other(asking: Asking) -> None:
    for name in ("first", "second", "third"):
        log_run(name)
    every = names(ask(asking))
    assert sorted(every) == ["first", "second", "third"]
    assert every[0] == "third"
    assert [names(ask(asking, offset=place, limit=1)) for place in range(4)] == [*([name] for name in every), []]
    assert (ask(asking, limit=1)["found"], ask(asking, limit=1)["all"]) == (3, 3)


def test_runs_of_other_projects_and_entities_are_not_there(asking: Asking) -> None:
    log_run("here")
    log_run("there", "other")
    with runstore.init(project="demo", entity="me", name="mine"):
        pass
    assert names(ask(asking)) == ["here"]
    assert names(ask(asking, project="me/demo")) == ["mine"]


def test_filter_and_order_are_those_of_the_command_line(asking: Asking) -> None:
    for place, loss in enumerate((0.3, 0.1, 0.2)):
        log_run(f"run{place}", loss=loss, lr=10.0**-place)
    assert names(ask(asking, sort=["loss"])) == ["run1", "run2", "run0"]
    assert names(ask(asking, sort=["-summary.loss"])) == ["run0", "run2", "run1"]
    assert names(ask(asking, filter="lr<=0.1 loss<0.15")) == ["run1"]
    assert ask(asking, filter="lr<=0.1")["found"] == 2


def test_a_wrong_filter_is_pointed_at_and_pinned_runs_stay(asking: Asking) -> None:
    pinned = log_run("one")
    answer = ask(asking, filter="lr<<1", also=[f"demo/{pinned}", "demo/gone"])
    assert answer["wrong"] == {"sentence": "no value begins with '<', unless it is quoted", "column": 3}
    assert answer["also"]["cells"][0] == ["one"]
    assert answer["all"] == 1


def test_an_empty_answer_says_which_term_killed_all(asking: Asking) -> None:
    log_run("a", lr=0.1, arch="vit")
    log_run("b", lr=0.2, arch="mlp")
    terms = ask(asking, filter="arch:vit lr>0.15 state:finished")["terms"]
    assert terms == [
        {"text": "arch:vit", "runs": 1, "others": 1},
        {"text": "lr>0.15", "runs": 1, "others": 1},
        {"text": "state:finished", "runs": 2, "others": 0},
    ]
    assert "terms" not in ask(asking, filter="arch:vit")


def test_columns_are_those_that_tell_runs_apart_until_others_are_chosen(asking: Asking) -> None:
    log_run("a", lr=0.1, same=1, opt={"name": "adam"})
    log_run("b", lr=0.2, same=1, opt={"name": "sgd"})
    chosen = ask(asking)["columns"]
    assert chosen == ["created_at", "config.lr", "config.opt.name", "summary.loss", "last_step", "runtime"]
    answer = ask(asking, columns=["config.same", "loss", "config.none", "tags"])
    assert [column[0] for column in answer["rows"]["cells"][3:]] == [1, 1, None, "[]"]
    assert ask(asking, columns=["config", "", "name", "summary"])["columns"] == ["name"]


def test_cells_have_few_digits_and_letters_and_times_are_whole_seconds(asking: Asking) -> None:
    log_run("a", pi=math.pi, big=2**60, text="x" * 500, nested={"deep": [1, 2]}, nan=float("nan"))
    keys = ("pi", "big", "text", "nested", "nan")
    answer = ask(asking, columns=["created_at", *(f"config.{key}" for key in keys)])
    created, pi, big, text, nested, nan = (column[0] for column in answer["rows"]["cells"][3:])
    assert isinstance(created, int)
    assert (pi, big, nested, nan) == (3.142, 2.0**60, '{"deep":[1,2]}', "NaN")
    assert len(text) < 130


def test_hostile_names_are_plain_text_and_their_refs_lead_back(asking: Asking) -> None:
    with runstore.init(project="..", name="<img src=x onerror=alert(1)>", id="a&b=<i>") as run:
        run.log({"x": 1})
    project = asking.get("/api/projects")[0]["ref"]
    page = asking.post("/api/runs", {"project": project, "limit": 5})["rows"]
    assert page["cells"][0] == ["<img src=x onerror=alert(1)>"]
    assert page["refs"][0].startswith(f"{project}/")
    assert "also" in ask(asking, project=project, also=page["refs"])
    assert ask(asking, project=project, also=page["refs"])["also"]["refs"] == page["refs"]


@pytest.mark.parametrize("body", [{"limit": -1}, {"limit": True}, {"columns": "lr"}, {"sort": [1]}, {"project": 1}])
def test_nonsense_is_refused_in_a_sentence(asking: Asking, body: dict[str, Any]) -> None:
    assert asking.refusal("/api/runs", status=400, body={"project": "demo", **body})


def test_two_hundred_runs_of_eighteen_columns_are_ten_kilobytes(asking: Asking) -> None:
    random.seed(5)
    for place in range(200):
        with runstore.init(
            project="demo", name=f"run-{place}", config={f"c{n}": random.random() for n in range(6)}
        ) as run:
            run.log({f"m{n}": random.random() for n in range(6)})
    answer = ask(asking, limit=200)
    assert len(answer["columns"]) + 3 == 18
    assert len(gzip.compress(as_json(answer), 6)) < 10_000
    assert orjson.loads(as_json(answer))["found"] == 200


def test_filters_longer_than_sqlite_takes_find_the_same(asking: Asking) -> None:
    one, two = log_run("one"), log_run("two")
    others = [f"x{number}" for number in range(1200)]
    found = {
        " or ".join(f"id={each}" for each in [*others, two]): "two",
        f"id in ({','.join([*others, one])})": "one",
        " ".join(f"-id={each}" for each in [one, *others]): "two",
        " ".join(f"-id={each}" for each in [*others, two]): "one",
    }
    for text, expected in found.items():
        assert names(ask(asking, filter=text)) == [expected]
    asking.refusal("/api/runs", body={"project": "demo", "filter": "a " * 20_000}, status=400)

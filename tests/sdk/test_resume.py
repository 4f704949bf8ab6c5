"""Resuming: steps, config and summary go on, in a fragment of their own, whatever ended the run before."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.errors import UsageError
from runstore.query.api import Api
from tests.sdk.reading import begin, fold, kinds, logs, program, records, rows, without_common


def first_part(**arguments: Any) -> None:
    with begin(id="r", project="p", **arguments) as run:
        run.log({"a": 1, "nested": {"x": 1}})
        run.log({"a": 2})
        run.summary["by hand"] = 5


@pytest.mark.parametrize("resume", ["allow", "must", "auto", True])
def test_a_resumed_run_goes_on_where_it_was(folder: Path, resume: bool | str) -> None:
    first_part(config={"lr": 0.1, "deep": {"k": 1}}, name="a name")
    run = begin(id="r", project="p", resume=resume, config={"more": 1})
    assert run.resumed
    assert run.step == run.starting_step == 2
    assert run.name == "a name"
    assert dict(run.config) == {"lr": 0.1, "deep": {"k": 1}, "more": 1}
    assert without_common(dict(run.summary)) == {"a": 2, "nested": {"x": 1}, "by hand": 5}
    run.log({"a": 3})
    run.finish()
    assert kinds(folder) == ["start", "resume"]
    second = logs(folder)[1]
    assert rows(second) == [(2, {"a": 3})]
    assert fold(second).facts.starting_step == records(second)[1].run.starting_step == 2


def test_a_run_may_be_resumed_again_and_again(folder: Path) -> None:
    for attempt in range(5):
        with begin(id="r", resume="allow") as run:
            assert run.step == 2 * attempt
            assert run.resumed == (attempt > 0)
            run.log({"a": attempt})
            run.log({"b": attempt}, commit=False)
    assert [step for log in logs(folder) for step, _ in rows(log)] == list(range(10))


def test_a_run_that_was_killed_with_an_open_row_goes_on_behind_it(folder: Path) -> None:
    program(
        """
        import os, signal, runstore
        run = runstore.init(id="r", config={"lr": 1})
        run.log({"a": 1}, step=7)
        run.config.later = 2
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    run = begin(id="r", resume="must")
    assert run.step == 8
    assert run.summary["a"] == 1
    assert dict(run.config) == {"lr": 1, "later": 2}


def test_what_is_torn_or_no_log_does_not_hinder(folder: Path) -> None:
    first_part()
    (log,) = logs(folder)
    log.write_bytes(log.read_bytes()[:-5])
    (folder / "wandb" / "strange").mkdir()
    (folder / "wandb" / "strange" / "run-r.wandb").write_text("no log at all")
    assert begin(id="r", project="p", resume="must").step == 2


def test_a_run_of_another_project_is_another_run(folder: Path) -> None:
    first_part()
    assert begin(id="r", project="q", resume="allow").step == 0


def test_without_resume_an_equal_id_begins_anew(folder: Path) -> None:
    first_part()
    run = begin(id="r", project="p")
    assert (run.step, run.resumed, dict(run.summary)) == (0, False, {})
    run.finish()
    assert kinds(folder) == ["start", "start"]


def test_must_without_such_a_run_is_refused_and_leaves_nothing(folder: Path) -> None:
    with pytest.raises(UsageError, match=r'resume="must": no run r is below .*; give the id of one that is'):
        begin(id="r", resume="must")
    with pytest.raises(UsageError, match="without an id"):
        begin(resume="must")
    assert runstore.run is None
    assert not folder.exists()


def test_never_with_such_a_run_is_refused(folder: Path) -> None:
    first_part()
    with pytest.raises(UsageError, match=r'resume="never": run r exists already; choose another id'):
        begin(id="r", project="p", resume="never")
    assert len(logs(folder)) == 1
    assert begin(id="other", project="p", resume="never").step == 0


def test_an_id_that_looks_like_a_pattern_is_just_an_id(folder: Path) -> None:
    for name in ("a[1]", "a*"):
        with begin(id=name) as run:
            run.log({"a": name})
        with begin(id=name, resume="must") as run:
            assert (run.step, run.summary["a"]) == (1, name)


@pytest.mark.parametrize("name", ["", " ", "a/b", "a\\b", "..", "a\nb", "nul\0", "x" * 129, "ü" * 65, "\udc80"])
def test_an_id_that_can_be_no_file_name_is_refused(folder: Path, name: str) -> None:
    if not name:
        assert begin(id=name).id
        return
    with pytest.raises(UsageError, match="can't be used: up to 128 bytes"):
        begin(id=name)
    assert not folder.exists()


def test_a_child_of_a_resumed_run_stands_beside_it(folder: Path) -> None:
    first_part()
    program(
        """
        import os, runstore
        run = runstore.init(id="r", project="p", resume="must")
        if os.fork() == 0:
            run.log({"child": 1})
            os._exit(0)
        os.wait()
        run.log({"parent": 1})
        """
    )
    assert sorted(kinds(folder)) == ["rank", "resume", "start"]
    assert {step for log in logs(folder)[1:] for step, _ in rows(log)} == {2}


def test_logs_stay_in_order_where_the_clock_was_set_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, back_ns = time.time_ns, 0
    monkeypatch.setattr(time, "time_ns", lambda: real() - back_ns)
    ways: list[dict[str, Any]] = [{"id": "r"}, *2 * [{"id": "r", "resume": "must"}], {"resume_from": "r?_step=1"}]
    for number, way in enumerate(ways):
        with begin(project="p", **way) as run:
            run.log({"a": number})
        back_ns += (3_600 - number) * 10**9
    api = Api(folder / "index.db", refresh=False)
    api.catch_up_below(folder)
    assert [(row["_step"], row["a"]) for row in api.run("r").scan_history(["a"])] == [(0, 0), (1, 1), (2, 3)]
    api.close()

"""A console is read by ranges of lines, and searched without reading it all out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.errors import NotFound
from runstore.query.api import Api
from runstore.query.stored.console import console_lines, console_logs, find_in_console, plain
from runstore.query.stored.run import StoredRun
from runstore.runlog import codec
from runstore.runlog.record_pb2 import Record
from tests.index.writing import exit_record, header, log_path, output, run, write

LINES = [f"step {number}" for number in range(1200)]
RED = "\x1b[31m"
COLOURED = f"loss \x1b[1;32m0.5{RED}\x1b[0m of epoch"


STDERR = codec.encode(Record(output_raw={"output_type": 0, "line": "50% of", "timestamp": {"seconds": 1500}}))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("console")
    bodies = [output("\n".join(LINES) + "\n"), output(f"{COLOURED}\n"), STDERR]
    log = write(log_path(folder, "a"), [header(started=1.0), run("r1"), *bodies, exit_record()])
    copy = folder / "copies" / "wandb" / log.parent.name / log.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(log.read_bytes())
    resumed = [header("resume", 2.0), run("r1"), output("once more\nSTEP 7\n")]
    write(log_path(folder, "b"), resumed)
    write(log_path(folder, "c", "r2"), [header(started=3.0), run("r2"), output("x" * 90_000 + "\n")])
    api = Api(folder / "i.db", refresh=False)
    api.catch_up_below(folder)
    yield api
    api.close()


@pytest.fixture
def stored(api: Api) -> StoredRun:
    return api.run("r1")


def found(stored: StoredRun, text: str, *, regex: bool = False, case: bool = False) -> list[tuple[int, int]]:
    """Return place of the log among the run's, and line."""
    logs = [one.log for one in console_logs(stored.connection, stored.place)]
    places = find_in_console(stored.connection, stored.place, text, regex=regex, case=case).places
    return [(logs.index(log), line) for log, line in places]


def test_each_log_tells_how_much_it_has_and_what_is_not_ended(stored: StoredRun) -> None:
    first, second = console_logs(stored.connection, stored.place)  # of copies one
    assert (first.count, first.kind, first.open) == (1201, "start", [("stderr", "50% of")])
    assert (second.count, second.kind, second.open) == (2, "resume", [])
    assert Path(first.path).name == "run-r1.wandb"


def test_any_range_of_lines_is_read(stored: StoredRun) -> None:
    log = console_logs(stored.connection, stored.place)[0].log
    some = console_lines(stored.connection, stored.place, log, 1198, 10)
    assert [line.text for line in some] == ["step 1198", "step 1199", COLOURED]
    assert {line.stream for line in some} == {"stdout"}
    assert console_lines(stored.connection, stored.place, log, 5000, 10) == []


def test_long_lines_come_fewer_at_a_time(tmp_path: Path) -> None:
    text = "".join(f"{number}{'y' * 90_000}\n" for number in range(20))
    write(log_path(tmp_path), [header(), run("r1"), output(text)])
    api = Api(tmp_path / "i.db", refresh=False)
    api.catch_up_below(tmp_path)
    stored = api.run("r1")
    (log,) = console_logs(stored.connection, stored.place)
    first = console_lines(stored.connection, stored.place, log.log, 0, 500)
    rest = console_lines(stored.connection, stored.place, log.log, len(first), 500)
    assert 1 < len(first) < 20
    assert len(first) + len(rest) == 20
    api.close()


def test_a_log_of_another_run_is_not_read(api: Api, stored: StoredRun) -> None:
    other = api.run("r2")
    (log,) = console_logs(other.connection, other.place)
    with pytest.raises(NotFound, match="no log"):
        console_lines(stored.connection, stored.place, log.log, 0, 10)


def test_lines_are_found_over_all_logs_of_a_run_whatever_the_case(stored: StoredRun) -> None:
    assert found(stored, "step 7")[:2] == [(0, 7), (0, 70)]
    assert found(stored, "step 7")[-1] == (1, 1)
    assert found(stored, "STEP 7", case=True) == [(1, 1)]


def test_colours_between_letters_hide_nothing(stored: StoredRun) -> None:
    assert found(stored, "loss 0.5 of epoch") == [(0, 1200)]
    assert found(stored, r"^loss [\d.]+ of", regex=True) == [(0, 1200)]
    assert found(stored, "[31m") == []


def test_signs_stand_for_themselves_unless_they_are_an_expression(stored: StoredRun) -> None:
    assert found(stored, "step 1.9") == []
    assert found(stored, r"step 1.9$", regex=True) == [(0, 109 + 10 * place) for place in range(10)]
    assert found(stored, r"\Aonce", regex=True) == [(1, 0)]  # which says nothing of lines put together
    with pytest.raises(re.error):
        found(stored, "(", regex=True)


def test_all_are_counted_though_not_all_are_told(stored: StoredRun) -> None:
    some = find_in_console(stored.connection, stored.place, "step", most=5)
    assert (len(some.places), some.total) == (5, 1201)


def test_plain_takes_out_what_is_not_text() -> None:
    assert plain(f"{RED}a\x1b[0mb\x1b[K") == "ab"

"""What stock `wandb` wrote offline, three versions of it, we read whole: every record, and the very values logged.

Two measures are used: what the program logged, written down here, and what stock's own `wandb sync` makes of the same
log at a server.
"""

from __future__ import annotations

import base64
import json
import math
import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runstore.query.api import Api
from runstore.query.stored.run import StoredRun
from runstore.runlog import codec
from runstore.runlog.framing import Framed, Why
from runstore.runlog.reader import LogReader
from tests.conformance import stock
from tests.conformance.shared import console_of, flat_rows, indexed_below, made_once, plain, without_clock
from tests.timing import PATIENCE_SECONDS
from tests.wandbserver.recorded import RecordedRun
from tests.wandbserver.server import RecordingServer

NEWEST = stock.STOCK_VERSIONS[0]

# More than one chunk of the index, and every magnitude that a float has.
SERIES_ROWS = 4500
SERIES = f"""
import random
chance = random.Random(7)
SERIES = [
    {{"x": chance.uniform(-1, 1) * 10.0 ** chance.randint(-300, 300), "n": chance.randint(-(2**62), 2**62)}}
    for _ in range({SERIES_ROWS})
]
"""

LOGGED = (
    SERIES
    + r"""
import sys, time, wandb

run = wandb.init(project="golden", id="values", name="first name", notes="a note\nof two lines", tags=["b", "a", "ü"],
                 group="the group", job_type="train",
                 config={"lr": 0.1, "model": {"depth": 2, "widths": [8, 16], "opt": {"name": "adam"}}, "none": None,
                         "big": 2**53 + 1, "flag": True, "text": "züge 🚂"})
run.config.update({"late": {"added": True}})
run.config["item"] = [1, {"x": 2.5}]
run.config.update({"lr": 0.2}, allow_val_change=True)
print("to stdout")
print("to stderr", file=sys.stderr)
for percent in range(101):
    sys.stdout.write(f"\rprogress {percent}%")
    sys.stdout.flush()
print()
print("a part", end="")
print(" and its end")
print("ünïcode \x1b[31mred\x1b[0m")
print("  indented")
for i in range(3):
    run.log({"loss": 1.5 - i / 3, "nested": {"i": i, "deep": {"x": i * 0.1}}, "word": f"text {i}"})
run.log({"nan": float("nan"), "inf": float("inf"), "negative": float("-inf")})
run.log({"none": None, "list": [1, 2.5, "x", None], "flag": True, "empty": []})
run.log({"big": 2**62, "small": -(2**62), "huge": 1.7976931348623157e308, "tiny": 5e-324, "third": 1 / 3, "e21": 1e21})
run.log({"a.b": 1, "c/d": 2, "ü": 3, 'q"uote': 4})
run.log({"x": 1}, commit=False)
run.log({"y": 2}, commit=False)
run.log({"z": 3})
run.log({"p": 1}, step=20)
run.log({"q": 2}, step=20)
run.log({"r": 3}, step=30)
run.log({"late": 4}, step=25)
run.log({"last": 1.25}, step=31)
run.summary["best"] = 7
run.summary["tree"] = {"a": 1, "b": {"c": 2}}
run.summary.update({"loss": -1.0})
run.finish()

run = wandb.init(project="golden", id="defined")
run.define_metric("epoch")
run.define_metric("acc", step_metric="epoch", summary="max")
run.define_metric("err", summary="min,last,mean")
run.define_metric("val/*", summary="min")
run.define_metric("quiet", summary="none")
for epoch, (acc, err) in enumerate([(0.5, 0.4), (0.7, 0.1), (0.6, 0.3)]):
    run.log({"epoch": epoch, "acc": acc, "err": err, "val/loss": err * 2, "quiet": epoch, "plain": acc})
run.finish(exit_code=3)

run = wandb.init(project="golden", id="series")
for row in SERIES:
    run.log(row)
run.finish()

run = wandb.init(project="golden", id="resumed", config={"first": 1, "both": {"a": 1}})
for loss in (3, 2, 1):
    run.log({"loss": loss, "first": loss})
run.log({"loss": 0.5}, step=10)
run.finish(exit_code=1)
time.sleep(1.1)  # directory names count seconds
run = wandb.init(project="golden", id="resumed", resume="allow", config={"second": 2, "both": {"b": 2}})
for step in (0, 2, 20):
    run.log({"loss": -step, "second": step}, step=step)
run.finish()
"""
)

RAISES = """
import wandb

run = wandb.init(project="golden", id="raised")
print("before")
run.log({"loss": 1})
raise ValueError("it broke")
"""

# Kills its children, wandb-core among them, and then itself, when a part of what it logged has reached the log.
KILLED = """
import glob, os, signal, time, wandb

run = wandb.init(project="golden", id="killed")
for i in range(3000):
    run.log({"i": i})
until = time.monotonic() + PATIENCE_SECONDS
while sum(map(os.path.getsize, glob.glob("wandb/offline-run-*/run-killed.wandb"))) < 1 << 16:
    assert time.monotonic() < until, "its log does not grow"
    time.sleep(0.01)

def below(pid):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = int(open(f"/proc/{name}/stat").read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found += [int(name), *below(int(name))]
    return found

for pid in [*below(os.getpid()), os.getpid()]:
    os.kill(pid, signal.SIGKILL)
""".replace("PATIENCE_SECONDS", repr(PATIENCE_SECONDS))

COMPARE = """
import base64, json, sys
from wandb.proto import wandb_internal_pb2 as pb

for line in open("pairs.jsonl"):
    before, after = (pb.Record.FromString(base64.b64decode(text)) for text in json.loads(line))
    after.num -= 1_000_000
    assert before == after, (before, after)
    assert before.SerializeToString(deterministic=True) == after.SerializeToString(deterministic=True), before
print("all the same")
"""


@dataclass(frozen=True)
class Golden:
    """Runs of one stock version in `folder`, and what stock sync brought to a server of those that ended."""

    version: str
    folder: Path
    delivered: dict[str, RecordedRun]

    def logs(self, run_id: str = "*") -> list[Path]:
        """Logs in the order in which they were begun."""
        return sorted(self.folder.glob(f"wandb/offline-run-*/run-{run_id}.wandb"))


def _make(version: str, folder: Path) -> Golden:
    assert (outcome := stock.run_script(version, LOGGED, folder)).returncode == 0, outcome.stderr
    assert stock.run_script(version, RAISES, folder).returncode == 1
    stock.run_script(version, KILLED, folder)
    first, second = (log.parent for log in Golden(version, folder, {}).logs("resumed"))
    ended = [
        log.parent
        for run_id in ("values", "defined", "series", "raised")
        for log in folder.rglob(f"run-{run_id}.wandb")
    ]
    with RecordingServer() as server:
        stock.sync(NEWEST, first, server.url, [str(run_dir.absolute()) for run_dir in ended])
        stock.sync(NEWEST, second, server.url)
        delivered = {run.run_id: run for run in server.runs}
    return Golden(version, folder, delivered)


@pytest.fixture(scope="module", params=stock.STOCK_VERSIONS)
def golden(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """The runs of one stock version."""
    version: str = request.param
    return made_once(tmp_path_factory, f"golden-{version}", lambda folder: _make(version, folder))


@pytest.fixture
def api(golden: Golden, tmp_path: Path) -> Iterator[Api]:
    """An index of these runs, made anew."""
    with closing(indexed_below(golden.folder, tmp_path / "index.db")) as api:
        yield api


def _records(log: Path) -> tuple[list[Framed], LogReader]:
    reader = LogReader(log)
    return list(reader), reader


def _rows(run: StoredRun) -> list[dict[str, Any]]:
    return [plain(row) for row in run.scan_history()]


def _lines(run: StoredRun, stream: str) -> list[str]:
    texts = [line["text"] for line in run.console() if line["stream"] == stream]
    return [text for text in texts if not text.startswith("wandb:")]


def test_every_record_is_read_and_numbered_without_a_gap(golden: Golden) -> None:
    for log in golden.logs():
        framed, reader = _records(log)
        records = [codec.decode(one.payload) for one in framed]
        assert None not in records
        assert [record.num for record in records if record] == list(range(1, len(records) + 1))
        allowed = {Why.TORN} if log.name == "run-killed.wandb" else set()
        assert {lost.why for lost in reader.lost} <= allowed, log


def test_record_that_we_change_keeps_everything_else_for_stock(golden: Golden, tmp_path: Path) -> None:
    pairs = []
    for log in golden.logs():
        for framed in _records(log)[0]:
            record = codec.decode(framed.payload)
            assert record is not None
            assert codec.encode(record) == framed.payload or len(codec.encode(record)) >= len(framed.payload)
            record.num += 1_000_000
            pairs.append([base64.b64encode(text).decode() for text in (framed.payload, codec.encode(record))])
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    outcome = stock.run_script(golden.version, COMPARE, tmp_path)
    assert outcome.stdout == "all the same\n", outcome.stderr


def test_rows_are_the_values_that_were_logged(api: Api) -> None:
    assert without_clock(_rows(api.run("values"))) == [
        {"_step": 0, "loss": 1.5, "nested.i": 0, "nested.deep.x": 0.0, "word": "text 0"},
        {"_step": 1, "loss": 1.5 - 1 / 3, "nested.i": 1, "nested.deep.x": 0.1, "word": "text 1"},
        {"_step": 2, "loss": 1.5 - 2 / 3, "nested.i": 2, "nested.deep.x": 0.2, "word": "text 2"},
        {"_step": 3, "nan": "NaN", "inf": math.inf, "negative": -math.inf},
        {"_step": 4, "none": None, "list": [1, 2.5, "x", None], "flag": "true", "empty": []},
        {
            "_step": 5, "big": 2**62, "small": -(2**62), "huge": 1.7976931348623157e308, "tiny": 5e-324,
            "third": 1 / 3, "e21": 1e21,
        },
        {"_step": 6, "a.b": 1, "c/d": 2, "ü": 3, 'q"uote': 4},
        {"_step": 7, "x": 1, "y": 2, "z": 3},
        {"_step": 20, "p": 1, "q": 2},
        {"_step": 30, "r": 3},
        {"_step": 31, "last": 1.25},
    ]  # fmt: skip


def test_long_series_is_exact_to_the_last_bit(api: Api) -> None:
    chance = random.Random(7)
    expected = [
        {
            "_step": step,
            "x": chance.uniform(-1, 1) * 10.0 ** chance.randint(-300, 300),
            "n": chance.randint(-(2**62), 2**62),
        }
        for step in range(SERIES_ROWS)
    ]
    assert without_clock(_rows(api.run("series"))) == expected


@pytest.mark.parametrize("run_id", ["values", "defined", "series", "raised"])
def test_run_reads_as_stock_delivers_it(golden: Golden, api: Api, run_id: str) -> None:
    stored, delivered = api.run(run_id), golden.delivered[run_id]
    assert _rows(stored) == flat_rows(delivered.history)
    summary = {key: value for key, value in delivered.summary.items() if key != "_wandb"}
    assert plain(stored.summary) == plain(summary)
    assert stored.config == delivered.config
    assert stored.exit_code == delivered.exit_code
    for stream in ("stdout", "stderr"):
        assert _lines(stored, stream) == console_of(delivered, stream)


def test_run_is_called_and_configured_as_it_was(api: Api) -> None:
    run = api.run("golden/values")
    assert (run.project, run.name, run.notes, run.tags) == (
        "golden",
        "first name",
        "a note\nof two lines",
        ["b", "a", "ü"],
    )
    assert (run.group, run.job_type, run.state, run.exit_code) == ("the group", "train", "finished", 0)
    assert run.config == {
        "lr": 0.2, "model": {"depth": 2, "widths": [8, 16], "opt": {"name": "adam"}}, "none": None, "big": 2**53 + 1,
        "flag": True, "text": "züge 🚂", "late": {"added": True}, "item": [1, {"x": 2.5}],
    }  # fmt: skip


def test_summary_is_the_last_values_and_what_was_set_by_hand(api: Api) -> None:
    summary = plain(api.run("values").summary)
    expected = {
        "_step": 31, "best": 7, "tree": {"a": 1, "b": {"c": 2}}, "loss": -1.0, "word": "text 2", "nan": "NaN",
        "nested": {"i": 2, "deep": {"x": 0.2}}, "big": 2**62, "tiny": 5e-324, "a.b": 1, "last": 1.25,
    }  # fmt: skip
    assert {key: summary[key] for key in expected} == expected
    assert "none" not in summary
    assert "late" not in summary


def test_defined_metrics_are_summarised_as_they_were_defined(api: Api) -> None:
    run = api.run("defined")
    summary = {key: value for key, value in run.summary.items() if key not in ("_timestamp", "_runtime")}
    assert summary == {
        "_step": 2, "epoch": 2, "plain": 0.6, "acc": {"max": 0.7}, "val/loss": {"min": 0.2},
        "err": {"min": 0.1, "last": 0.3, "mean": pytest.approx(0.8 / 3)},
    }  # fmt: skip
    assert (run.state, run.exit_code) == ("failed", 3)


def test_console_is_what_the_terminal_showed(api: Api) -> None:
    run = api.run("values")
    assert _lines(run, "stdout") == [
        "to stdout", "progress 100%", "a part and its end", "ünïcode \x1b[31mred\x1b[0m", "  indented",
    ]  # fmt: skip
    assert _lines(run, "stderr") == ["to stderr"]


def test_exception_ends_a_run_as_failed(api: Api) -> None:
    run = api.run("raised")
    assert (run.state, run.exit_code) == ("failed", 1)
    assert "before" in _lines(run, "stdout")


def test_killed_run_keeps_all_that_reached_its_log(golden: Golden, api: Api) -> None:
    (log,) = golden.logs("killed")
    in_log = sum(record.HasField("history") for one in _records(log)[0] if (record := codec.decode(one.payload)))
    run = api.run("killed")
    rows = without_clock(_rows(run))
    assert 0 < len(rows) == in_log
    assert rows == [{"_step": i, "i": i} for i in range(len(rows))]
    assert run.exit_code is None
    assert run.state in ("running", "crashed")


def test_resumed_run_goes_on_behind_its_first_log(golden: Golden, api: Api) -> None:
    """Each step of the resumed log is lifted to the step before it + 1 at least, as stock's own delivery does.

    Older versions leave no word of a resume in the log: that it is the run's second one has to do.
    """
    run = api.run("resumed")
    assert [(row["_step"], row["loss"]) for row in _rows(run)] == [
        (0, 3), (1, 2), (2, 1), (10, 0.5), (11, 0), (12, -2), (20, -20),
    ]  # fmt: skip
    assert run.lastHistoryStep == 20
    if golden.version == NEWEST:
        assert _rows(run) == flat_rows(golden.delivered["resumed"].history)


def test_resumed_run_has_the_config_of_both_logs_and_the_end_of_the_last(golden: Golden, api: Api) -> None:
    run = api.run("resumed")
    assert run.config == {"first": 1, "second": 2, "both": {"b": 2}}
    assert (run.exit_code, run.state) == (0, "finished")
    assert (run.summary["loss"], run.summary["second"], run.summary["first"]) == (-20, 20, 1)
    if golden.version == NEWEST:
        assert run.config == golden.delivered["resumed"].config

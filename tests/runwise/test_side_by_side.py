"""What a server holds of a run in the end is what stock's own sync leaves there, but for a named list of improvements.

Programs run twice, with stock and with ours; of either's logs stock 0.31 delivers one copy, and we deliver another.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance import stock
from tests.conformance.differential import Pair, Turn, run_ending, run_pair
from tests.conformance.shared import made_once
from tests.runwise.comparable import states_of
from tests.runwise.place import place_with
from tests.wandbserver.recorded import JsonObject
from tests.wandbserver.server import RecordingServer
from tests.wandbserver.state import differences

NEWEST = stock.STOCK_VERSIONS[0]
TOPICS = ("basics", "configured", "summarised", "metrics", "branched", "continued", "artifacts", "messages")
# Of topics that take long only some runs, by the topic's name and theirs.
SOME = ("pictures-masks", "tables-own_charts", "tables-with_images", "sampled", "ending-raised", "ending-left")
# They set back a run that no server has.
NOT_DELIVERABLE = {"rewound_elsewhere", "rewound_without_an_id"}


@dataclass(frozen=True)
class Improvement:
    """What is different on purpose: runs, and places in their state, by patterns that fit the whole, and why.

    `writer` is whose logs, "" for both. What `may_be_equal` is so by chance.
    """

    run: str
    place: str
    why: str
    writer: str = ""
    may_be_equal: bool = False

    def covers(self, writer: str, run_id: str, place: str) -> bool:
        """Return whether a difference is this one."""
        is_there = re.fullmatch(self.run, run_id) and re.fullmatch(self.place, place)
        return self.writer in ("", writer) and is_there is not None


_SUMMARY = r"(summary|files\.wandb-summary\.json)"
_TOOLS = r"(_wandb|files\.config\.yaml\._wandb\.value)"
IMPROVEMENTS = (
    Improvement("values_of_every_kind", r"files\.config\.yaml\.datetime\.value", "a text stays one: yaml needs quotes"),
    Improvement("nested_by_hand", rf"{_SUMMARY}\.tree\.[ab]", "stock forgets what lies beside a nested key", "stock"),
    Improvement("nested_deleted", rf"{_SUMMARY}\.tree\.a", "stock never deletes a nested key", "stock"),
    Improvement("own_charts", rf"{_TOOLS}\.visualize\..*", "stock drops empty objects"),
    Improvement(
        "allowed|must|never|true|set_back|resumed_fork",
        rf"{_TOOLS}\.(e|m|t\.3|branch_point)\b.*",
        "stock keeps of several logs only what the last one says of itself",
        "stock",
    ),
    Improvement(
        "never|true", r"config\.(first|lr)|files\.config\.yaml\.(first|lr)", "the same, of the config", "stock"
    ),
    Improvement(
        "never|true", rf"history\[5\]\._step|{_SUMMARY}\._step", "stock begins anew at step 0; steps rise", "stock"
    ),
    # The log's own summary, which stock delivers, goes back one run only; the index goes back to the first.
    Improvement("fork_of_a_fork|resumed_fork", rf"{_SUMMARY}\.best\.max", "a fork has its parents' extremes", "ours"),
    Improvement(
        "files|several_versions", r"artifacts\..*", "stock announces the same content twice at once", may_be_equal=True
    ),
    Improvement(
        "progress", r"console\.stdout\[[12]\]|files\.output\.log", "backspaces and erasures are obeyed", "stock"
    ),
    Improvement("put_into_the_folder|saved_in_the_folder", r"files\.own\.txt", "all files of the folder are delivered"),
    # The time that a run took is in two records, which are made a moment apart.
    Improvement(".*", rf"{_SUMMARY}\._wandb\.runtime", "as the exit record has it", "ours", may_be_equal=True),
)


@dataclass(frozen=True)
class Delivered:
    """What two servers have of the same logs; by run id."""

    by_stock: dict[str, JsonObject]
    by_us: dict[str, JsonObject]
    notes: list[str]


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Delivered]:
    """Return what delivers the logs of a topic, of stock's turn or of ours, both ways; once for all workers."""

    def made(topic: str, writer: str) -> Delivered:
        pair = made_once(tmp_path_factory, f"differential-{topic}", lambda folder: _pair(topic, folder))
        turn = pair.stock if writer == "stock" else pair.ours
        name = f"beside-{topic.replace('/', '-')}-{writer}"
        return made_once(tmp_path_factory, name, lambda folder: _both_ways(turn, folder))

    return made


def _pair(topic: str, folder: Path) -> Pair:
    name, _, only = topic.partition("-")
    return run_ending(only, folder) if name == "ending" else run_pair(name, folder, only or None)


def _both_ways(turn: Turn, folder: Path) -> Delivered:
    assert turn.directories, turn.stderr
    copies = folder / "stock"
    copies.mkdir()
    for run_id in turn.directories.keys() - NOT_DELIVERABLE:
        for directory in turn.directories[run_id]:
            shutil.copytree(directory, copies / directory.name, symlinks=True)
    (folder / "ours").mkdir()
    with place_with(copies, folder / "ours") as place:  # first, since stock's leaves marks
        report = place.sync()
        assert report.errors == {}
        by_us = place.state()
    first, *others = sorted(copies.iterdir())
    with RecordingServer() as server:
        done = stock.sync(NEWEST, first, server.url, [str(other) for other in others])
        assert server.errors == [], done.stderr
        return Delivered(states_of(server), by_us, report.notes)


CORPUS = (*TOPICS, *SOME)


@pytest.mark.parametrize("writer", ["stock", "ours"])
@pytest.mark.parametrize("topic", CORPUS)
def test_a_server_has_the_same_of_a_run_whoever_delivers_it(
    delivered: Callable[[str, str], Delivered], topic: str, writer: str
) -> None:
    done = delivered(topic, writer)
    assert done.by_stock.keys() == done.by_us.keys()
    found = [
        (run_id, line) for run_id, state in done.by_stock.items() for line in differences(state, done.by_us[run_id])
    ]
    unnamed = [
        f"{run_id}: {line}"
        for run_id, line in found
        if not any(one.covers(writer, run_id, line.partition(": ")[0]) for one in IMPROVEMENTS)
    ]
    assert unnamed == []


@pytest.mark.parametrize("improvement", [one for one in IMPROVEMENTS if not one.may_be_equal], ids=lambda one: one.why)
def test_every_improvement_is_still_one(delivered: Callable[[str, str], Delivered], improvement: Improvement) -> None:
    """Where stock has learned it, or we have lost it, it goes from the list."""
    for writer in ("stock", "ours"):
        for topic in CORPUS:
            done = delivered(topic, writer)
            for run_id, state in done.by_stock.items():
                places = [line.partition(": ")[0] for line in differences(state, done.by_us[run_id])]
                if any(improvement.covers(writer, run_id, place) for place in places):
                    return
    pytest.fail(f"nothing is different any more: {improvement}")

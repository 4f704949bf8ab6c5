"""Stock `wandb sync` carries all that we record to a server: rows, media, tables, saved files, artifacts, alerts.

The runs are those of the scenarios that test_differential.py compares with stock's.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runstore.runlog.record_pb2 import ArtifactRecord
from tests.conformance import stock
from tests.conformance.differential import Turn, run_pair, same
from tests.conformance.normalised import MADE_LATER, leaves, read_records, spelled
from tests.conformance.shared import made_once
from tests.wandbserver.recorded import JsonObject, RecordedArtifact, RecordedRun, parse_object
from tests.wandbserver.server import RecordingServer

NEWEST, OLDER, *_ = stock.STOCK_VERSIONS
TOPICS = (
    "basics", "configured", "fromfiles", "summarised", "metrics", "filled", "names", "several", "branched", "continued",
    "pictures", "tables", "artifacts", "messages",
)  # fmt: skip
# They set back a run that no server has; "continued" has one that it got before.
NOT_DELIVERABLE = {"rewound_elsewhere", "rewound_without_an_id"}
# The older version delivers from Python, and takes more than a second for each run.
CORE = {
    "basics": ("rows", "nested", "special_numbers"),
    "pictures": ("arrays", "lists", "masks", "sounds"),
    "tables": ("plain", "with_images", "lines"),
    "artifacts": ("files", "several_versions"),
}
CARRIED = [(NEWEST, topic) for topic in TOPICS] + [(OLDER, topic) for topic in CORE]


@dataclass(frozen=True)
class Carried:
    """What a server has of a scenario's runs, after stock's sync."""

    turn: Turn
    stdout: str
    stderr: str
    unmarked: list[str]
    """Runs that sync does not call done."""
    runs: dict[str, RecordedRun]
    artifacts: list[RecordedArtifact]
    alerts: list[JsonObject]
    complaints: list[str]
    """Requests that the server could not understand."""


@pytest.fixture(scope="session")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Carried]:
    """Return what carries a topic's runs with a version of stock, once for all workers."""

    def made(version: str, topic: str) -> Carried:
        ours = made_once(tmp_path_factory, f"differential-{topic}", lambda folder: run_pair(topic, folder)).ours
        chosen = CORE[topic] if version == OLDER else ours.directories.keys() - NOT_DELIVERABLE
        turn = dataclasses.replace(ours, directories={key: d for key, d in ours.directories.items() if key in chosen})
        name = f"carried-{topic}-{version}"
        return made_once(tmp_path_factory, name, lambda folder: _carry(version, turn, folder))

    return made


def _carry(version: str, turn: Turn, folder: Path) -> Carried:
    # Copies, so that one version's marks don't keep the other from its work.
    for directories in turn.directories.values():
        for directory in directories:
            shutil.copytree(directory, folder / directory.name)
    first, *others = sorted(folder.iterdir())
    with RecordingServer() as server:
        done = stock.sync(version, first, server.url, [str(other) for other in others])
    return Carried(
        turn=turn,
        stdout=done.stdout,
        stderr=done.stderr,
        unmarked=[directory.name for directory in (first, *others) if not stock.synced_mark(directory).exists()],
        runs={run.run_id: run for run in server.runs},
        artifacts=server.artifacts,
        alerts=server.alerts,
        complaints=server.errors + server.unknown_operations,
    )


def _logged_once(turn: Turn) -> dict[str, Path]:
    """Return the directories of the runs that have one log: of others, the server has what all of them say."""
    return {run_id: found[0] for run_id, found in turn.directories.items() if len(found) == 1}


@pytest.mark.parametrize(("version", "topic"), CARRIED)
def test_sync_carries_every_run_without_complaint(
    carried: Callable[[str, str], Carried], version: str, topic: str
) -> None:
    done = carried(version, topic)
    assert done.turn.directories, done.turn.stderr
    assert done.unmarked == [], done.stderr
    assert done.complaints == []
    assert set(done.runs) == set(done.turn.directories)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line.upper()]
    assert said == []
    assert [run.run_id for run in done.runs.values() if run.gaps or not run.complete] == []


@pytest.mark.parametrize(("version", "topic"), CARRIED)
def test_rows_summary_and_config_arrive_as_they_were_recorded(
    carried: Callable[[str, str], Carried], version: str, topic: str
) -> None:
    done = carried(version, topic)
    for run_id in _logged_once(done.turn):
        form, run = done.turn.form(run_id), done.runs[run_id]
        cwd = str(done.turn.folder)
        rows = {f"{row['_step']}: {key}": value for row in run.history for key, value in leaves(row).items()}
        # Neither empty dicts nor a None in the summary are delivered.
        recorded = {name: value for name, value in form["history"].items() if value != {}}
        assert _unlike(_timeless(recorded), _timeless(spelled(rows, cwd))) == [], run_id
        recorded = {name: value for name, value in form["summary"].items() if value is not None and value != {}}
        summary = {key: value for key, value in run.summary.items() if key != "_wandb" and value != {}}
        assert _unlike(recorded, _timeless(spelled(leaves(summary), cwd))) == [], run_id
        assert _unlike(form["config"], spelled(leaves(run.config), cwd)) == [], run_id
        recorded = {name: value for name, value in form["wandb config"].items() if value != {}}
        assert _unlike(recorded, spelled(leaves(run.wandb_config), cwd), of_ours=True) == [], run_id


@pytest.mark.parametrize(
    ("run_id", "rows", "branch"),
    [
        ("parent", [(step, 5 - step) for step in range(5)], None),
        ("forked", [(3, 100)], {"run_id": "parent", "step": 2}),
        ("fork_of_a_fork", [(4, 100)], {"run_id": "forked", "step": 3}),
        ("set_back", [(0, 5), (1, 4), (2, 3), (3, 100)], {"run_id": "set_back", "step": 2}),
        ("allowed", [*((step, 5 - step) for step in range(5)), (5, 100)], None),
        ("must", [*((step, 5 - step) for step in range(5)), (5, 100)], None),
    ],
)
def test_runs_that_go_on_from_others_arrive_as_one(
    carried: Callable[[str, str], Carried], run_id: str, rows: list[Any], branch: Any
) -> None:
    run = carried(NEWEST, "continued").runs[run_id]
    assert [(row["_step"], row["loss"]) for row in run.history] == rows
    assert run.wandb_config.get("branch_point") == branch
    assert run.config["lr"] == (0.2 if "fork" in run_id else 0.1)
    assert run.summary["loss"] == rows[-1][1]


@pytest.mark.parametrize(("version", "topic"), CARRIED)
def test_media_and_tables_arrive_with_the_digests_of_their_rows(
    carried: Callable[[str, str], Carried], version: str, topic: str
) -> None:
    done = carried(version, topic)
    seen = 0
    for run in done.runs.values():
        for media in _media_in([*run.history, run.summary]):
            seen += 1
            for path, digest in media.items():
                # Lists of point clouds name their files without the folder.
                found = [name for name in run.files if name == path or name.endswith(f"/{path}")]
                assert found, (run.run_id, path)
                assert digest in (None, hashlib.sha256(run.files[found[0]]).hexdigest()), (run.run_id, path)
    assert seen > 5 or topic not in ("pictures", "tables")


@pytest.mark.parametrize(("version", "topic"), CARRIED)
def test_files_arrive_whole(carried: Callable[[str, str], Carried], version: str, topic: str) -> None:
    done = carried(version, topic)
    for run_id, directory in _logged_once(done.turn).items():
        announced = {
            item.path
            for record in read_records(next(directory.glob("*.wandb")))
            if record.HasField("files")
            for item in record.files.files
        }
        here = {path: directory / "files" / path for path in announced}
        wanted = {path: file.read_bytes() for path, file in here.items() if file.is_file() and path not in MADE_LATER}
        assert {path: done.runs[run_id].files.get(path) for path in wanted} == wanted, run_id


@pytest.mark.parametrize(("version", "topic"), [each for each in CARRIED if each[1] in ("tables", "artifacts")])
def test_artifacts_are_committed_with_their_manifests(
    carried: Callable[[str, str], Carried], version: str, topic: str
) -> None:
    done = carried(version, topic)
    recorded = [artifact for run_id in done.turn.directories for artifact in _artifacts(done.turn, run_id)]
    assert len(recorded) > 3
    for artifact in recorded:
        held = _held(done.artifacts, artifact)
        # What several runs make together is committed by the server, when the last of them has finished it.
        assert held.committed or artifact.distributed_id, artifact.name
        # Of content that is there already, and of digests that this server does not know, stock sends what it likes.
        if held.announced.get("clientID") == artifact.client_id and artifact.digest_algorithm == "MANIFEST_MD5":
            assert held.announced["digest"] == artifact.digest
            _assert_manifest_arrived(artifact, held)


def _assert_manifest_arrived(artifact: ArtifactRecord, held: RecordedArtifact) -> None:
    assert held.manifest is not None, artifact.name
    entries = {entry.path: entry for entry in artifact.manifest.contents}
    arrived = {path: item["digest"] for path, item in held.manifest["contents"].items()}
    if artifact.distributed_id:  # others brought theirs, too
        arrived = {path: digest for path, digest in arrived.items() if path in entries}
    assert arrived == {path: entry.digest for path, entry in entries.items()}, artifact.name
    for path, entry in entries.items():
        if entry.local_path:
            digest = base64.b64encode(hashlib.md5(held.files[path]).digest()).decode()
            assert (digest, len(held.files[path])) == (entry.digest, entry.size), (artifact.name, path)


def test_alerts_and_marks_arrive(carried: Callable[[str, str], Carried]) -> None:
    done = carried(NEWEST, "messages")
    wanted = [alert["title"] for alert in done.turn.form("alerts")["alerts"].values()]
    assert sorted(alert["title"] for alert in done.alerts) == sorted(wanted)
    assert len(wanted) >= 5
    assert done.runs["preempting"].preempting


def test_metadata_of_a_run_says_what_stocks_says(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    """Stock's sync makes the file from environment records, which we don't write: ours is in the run directory."""
    pair = made_once(tmp_path_factory, "differential-surroundings", lambda folder: run_pair("surroundings", folder))
    stocks, ours = (_metadata(turn, tmp_path / turn.folder.name) for turn in (pair.stock, pair.ours))
    assert set(stocks) - set(ours) == set()
    assert _unlike(stocks, {key: value for key, value in ours.items() if key in stocks}) == []


# What no two processes have alike.
_OF_THE_MOMENT = ("startedAt", "writerId", "disk", "memory")


def _metadata(turn: Turn, folder: Path) -> dict[str, Any]:
    shutil.copytree(turn.directories["repository"][0], folder / turn.directories["repository"][0].name)
    with RecordingServer() as server:
        stock.sync(NEWEST, next(folder.iterdir()), server.url)
    told = parse_object(server.run("repository").files["wandb-metadata.json"].decode())
    found: dict[str, Any] = spelled(told, str(turn.folder))
    return {key: value for key, value in found.items() if key not in _OF_THE_MOMENT}


def _artifacts(turn: Turn, run_id: str) -> Iterator[ArtifactRecord]:
    for directory in turn.directories[run_id]:
        for record in read_records(next(directory.glob("*.wandb"))):
            if record.HasField("artifact"):
                yield record.artifact


def _held(artifacts: list[RecordedArtifact], wanted: ArtifactRecord) -> RecordedArtifact:
    """Return what the server has for an artifact record: of its id, or of the same content."""
    found = [held for held in artifacts if held.announced.get("clientID") == wanted.client_id]
    found += [held for held in artifacts if held.announced.get("digest") == wanted.digest]
    assert found, wanted.name
    return found[0]


def _media_in(value: Any) -> Iterator[dict[str, str | None]]:
    """Yield the files that each JSON object of a medium names, with the digest where it names one."""
    if isinstance(value, list):
        for item in value:
            yield from _media_in(item)
    elif isinstance(value, dict):
        if "_type" in value and "path" in value:
            yield {value["path"]: value.get("sha256")}
        if str(value.get("_type", "")).endswith("/separated") or "filenames" in value:
            yield dict.fromkeys(value["filenames"])
        yield from _media_in(list(value.values()))


def _timeless(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not name.endswith(("_timestamp", "_runtime"))}


def _unlike(recorded: dict[str, Any], arrived: dict[str, Any], *, of_ours: bool = False) -> list[str]:
    """Return where the two differ; with `of_ours`, only of what was recorded."""
    names = recorded.keys() if of_ours else recorded.keys() | arrived.keys()
    return [
        f"{name}: recorded {recorded.get(name, '<missing>')!r}, arrived {arrived.get(name, '<missing>')!r}"[:500]
        for name in sorted(names)
        if name not in recorded or name not in arrived or not same(recorded[name], arrived[name])
    ]

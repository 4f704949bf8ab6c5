"""What logs say beside metrics: files, artifacts, alerts, logger lines and system metrics, and how they are read."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from runstore.errors import NotFound, UsageError
from runstore.query.api import Api
from runstore.query.stored.run import StoredRun
from runstore.runlog import codec
from runstore.runlog.record_pb2 import FilesItem, Record
from tests.commands import Bench
from tests.index.dump import dump
from tests.index.facts import alert, artifact, file, logger, stats
from tests.index.writing import exit_record, header, indexed, log_path, output, row, run, write, write_log

BODIES = [
    stats(1001.5, cpu="12.5", gpu__0__temp="40"),
    row(1, {"loss": 0.5, "cpu": 3}),
    file("media/images/x.png", kind=FilesItem.MEDIA),
    file("notes[[]1].txt", FilesItem.LIVE),
    artifact("data", description="d", metadata='{"n": [1, NaN]}', aliases=["latest", "é"], tags=["t"]),
    output("out\n"),
    logger("INFO from a logger\n"),
    artifact("input", user_created=True, use_after_commit=True),
    codec.encode(Record(use_artifact={"id": "QXJ0", "type": "model", "name": "team/p/net:v3"})),
    alert("first"),
    stats(1002.5, cpu="NaN", gpu__0__temp='"hot"'),
    alert("second"),
    stats(1003.75, cpu="20"),
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = write_log(tmp_path, [*BODIES, exit_record()])
    for name in ("media/images/x.png", "notes[1].txt", "config.yaml"):
        target = path.parent / "files" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"content of {name}\n")
    return path


@pytest.fixture
def found(api: Api) -> StoredRun:
    return api.run("r1")


# ---- system metrics


def test_system_metrics_are_a_stream_of_their_own(found: StoredRun) -> None:
    rows = found.history(stream="system", pandas=False)
    assert rows[0] == {"_timestamp": 1001.5, "_runtime": 1.5, "system.cpu": 12.5, "system.gpu.0.temp": 40}
    assert math.isnan(rows[1].pop("system.cpu"))
    assert rows[1] == {"_timestamp": 1002.5, "_runtime": 2.5}  # text is no number
    assert rows[2] == {"_timestamp": 1003.75, "_runtime": 3.75, "system.cpu": 20}
    assert len(found.history(stream="system", samples=2)) == 2
    assert found.system_metrics == found.systemMetrics == {"system.cpu": 20, "system.gpu.0.temp": 40}


def test_system_metrics_are_no_history(found: StoredRun) -> None:
    assert found.keys == ["_runtime", "_timestamp", "cpu", "loss"]
    assert list(found.scan_history(["cpu"])) == [{"_step": 1, "cpu": 3}]
    assert found.points("cpu").values.tolist() == [3]
    assert found.summary["cpu"] == 3
    assert found.lastHistoryStep == 1


def test_streams_and_keys_that_there_are_not_are_refused(found: StoredRun) -> None:
    with pytest.raises(UsageError, match="no stream 'events'"):
        found.history(stream="events")
    with pytest.raises(UsageError, match="leave `keys` out"):
        found.history(stream="system", keys=["cpu"])
    with pytest.raises(UsageError, match="keys are a list of str, not 'loss'"):
        found.history(keys="loss")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="keys are a list of str, not 'loss'"):
        found.frame("loss")
    assert list(found.scan_history(keys=[])) == list(found.scan_history())


def test_a_time_that_no_calendar_has_is_left_out(tmp_path: Path) -> None:
    samples = [stats(-5, cpu="1"), stats(1e15, cpu="2"), stats(0, cpu="3"), stats(5, cpu="1e400", n=str(2**70))]
    write_log(tmp_path, samples)
    api = Api(tmp_path / "i.db", refresh=False)
    api.catch_up_below(tmp_path)
    rows = api.run("r1").history(stream="system", pandas=False) if list(api.runs()) else []
    assert [row["_timestamp"] for row in rows] == [0, 5]
    assert rows[1]["system.n"] == 2.0**70


# ---- files


def test_files_are_those_on_the_disk_with_what_the_log_says_of_them(found: StoredRun, log: Path) -> None:
    files = found.files()
    assert [(file.name, file.policy, file.type) for file in files] == [
        ("config.yaml", "", ""),
        ("media/images/x.png", "now", "media"),
        ("notes[1].txt", "live", "other"),
    ]
    png = found.file("media/images/x.png")
    assert (png.size, png.mimetype, len(png.md5)) == (30, "image/png", 24)
    assert png.url == png.direct_url == (log.parent / "files/media/images/x.png").as_uri()
    assert repr(files) == "<Files p/r1 (3)>"


def test_files_by_name_and_pattern(found: StoredRun) -> None:
    assert [file.name for file in found.files(["config.yaml", "nothing"])] == ["config.yaml"]
    assert [file.name for file in found.files(pattern="%.PNG")] == ["media/images/x.png"]
    assert [file.name for file in found.files(pattern="config_yaml")] == ["config.yaml"]
    with pytest.raises(UsageError, match="not by both"):
        found.files(["a"], "b")
    with pytest.raises(NotFound, match="p/r1 has no file 'nothing'"):
        found.file("nothing")


def test_downloading_copies_a_file_and_replaces_none_unasked(found: StoredRun, tmp_path: Path) -> None:
    file, root = found.file("media/images/x.png"), tmp_path / "down"
    with file.download(str(root)) as copy:
        assert copy.read() == "content of media/images/x.png\n"
    target = root / "media/images/x.png"
    target.write_text("mine")
    with pytest.raises(ValueError, match="is there already; give replace=True or exist_ok=True"):
        file.download(str(root))
    with file.download(str(root), exist_ok=True) as copy:
        assert copy.read() == "mine"
    with file.download(str(root), replace=True) as copy:
        assert copy.read().startswith("content")
    assert [path.name for path in target.parent.iterdir()] == ["x.png"]


def test_a_file_that_is_gone_since_it_was_listed_is_said(found: StoredRun, log: Path, tmp_path: Path) -> None:
    file = found.file("config.yaml")
    (log.parent / "files" / "config.yaml").unlink()
    assert file.size == 0
    with pytest.raises(NotFound, match="the file is gone"):
        file.download(str(tmp_path / "down"))


# ---- artifacts


def test_logged_artifacts_say_what_the_log_says(found: StoredRun) -> None:
    (data,) = found.logged_artifacts()
    assert (data.name, data.type, data.version, data.digest, data.description) == ("data:v0", "dataset", "v0", "d", "d")
    assert repr(data.metadata) == "{'n': [1, nan]}"
    assert (data.aliases, data.tags, data.size, data.file_count) == (["latest", "é"], ["t"], 112, 3)
    assert [(file.name, file.size, file.ref) for file in data.files()] == [
        ("a/a.txt", 5, ""),
        ("b.bin", 7, ""),
        ("far", 100, "s3://bucket/key"),
    ]
    assert [file.local_path for file in data.files(["b.bin"])] == ["/x/b.bin"]
    maker = data.logged_by()
    assert maker is not None
    assert maker.path == found.path
    assert data.created_at == "1970-01-01T00:16:41+00:00"


def test_used_artifacts_are_inputs_by_either_record(found: StoredRun) -> None:
    used = found.used_artifacts()
    assert [(one.name, one.type, one.version) for one in used] == [
        ("input:v0", "dataset", "v0"),
        ("net:v3", "model", "v3"),
    ]
    assert (used[1].id, used[1].metadata, list(used[1].files()), used[1].logged_by()) == ("QXJ0", {}, [], None)


LARGE = """
    import runstore
    from runstore.sdk.artifacts import records
    records.MAX_ENTRIES_IN_RECORD = 2
    with runstore.init(project="p", id="r1") as run:
        artifact = runstore.Artifact("large", "dataset")
        for n in range(3):
            with artifact.new_file(f"{n}.txt") as file:
                file.write("x" * n)
        run.log_artifact(artifact)
        run.use_artifact(runstore.Artifact("in", "dataset"))
        run.alert("title", "text", level="ERROR")
"""


def test_a_manifest_in_a_file_is_read_also_where_the_run_was_moved(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    done = bench.train(LARGE)
    assert done.returncode == 0, done.stderr
    (tmp_path / "wandb").rename(tmp_path / "moved")
    api = Api(tmp_path / "i.db", refresh=False)
    api.catch_up_below(tmp_path / "moved")
    found = api.run("r1")
    (large,) = found.logged_artifacts()
    assert (large.size, large.file_count) == (3, 3)
    assert [file.name for file in large.files()] == ["0.txt", "1.txt", "2.txt"]
    assert [one.name for one in found.used_artifacts()] == ["in:v0"]
    assert [(one["title"], one["level"]) for one in found.alerts()] == [("title", "ERROR")]
    assert found.metadata is not None
    assert found.user.username


# ---- alerts, lines, copies and the index


def test_alerts_and_logger_lines(found: StoredRun) -> None:
    assert [(one["title"], one["level"], one["wait_ms"]) for one in found.alerts()] == [
        ("first", "WARN", 60_000),
        ("second", "WARN", 60_000),
    ]
    assert [(line["stream"], line["text"]) for line in found.console()] == [
        ("stdout", "out"),
        ("logger", "INFO from a logger"),
    ]
    (last,) = found.console_logs(last=1)
    assert (last.number, last.level, last.content) == (1, "", "INFO from a logger")


def test_facts_of_several_logs_are_in_their_order_and_of_copies_counted_once(
    tmp_path: Path, api: Api, log: Path
) -> None:
    write(
        log_path(tmp_path, "b"),
        [header("resume", 2000.0, 2), run(), artifact("later"), alert("third"), stats(2001, cpu="1")],
    )
    copy = tmp_path / "copy" / log.parent.name / log.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(log.read_bytes())
    api.catch_up_below(tmp_path)
    found = api.run("r1")
    assert [one.name for one in found.logged_artifacts()] == ["data:v0", "later:v0"]
    assert [one["title"] for one in found.alerts()] == ["first", "second", "third"]
    assert [row["_timestamp"] for row in found.history(stream="system", pandas=False)] == [
        1001.5,
        1002.5,
        1003.75,
        2001,
    ]


def test_facts_read_record_by_record_are_facts_read_at_once(tmp_path: Path) -> None:
    path = log_path(tmp_path)
    whole = write_log(tmp_path / "whole", BODIES).read_bytes()
    path.write_bytes(b"")
    for end in [*range(100, len(whole), 97), len(whole)]:
        path.write_bytes(whole[:end])
        indexed(tmp_path / "i.db", path)
    indexed(tmp_path / "again.db", path)
    assert dump(tmp_path / "i.db") == dump(tmp_path / "again.db")
    assert "system.gpu.0.temp" in dump(tmp_path / "i.db")


def test_a_log_that_is_gone_takes_its_facts_with_it(api: Api, log: Path, tmp_path: Path) -> None:
    log.unlink()
    api.catch_up_below(tmp_path)
    for table in ("files", "artifacts", "artifact_entries", "alerts", "series"):
        assert api._connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)

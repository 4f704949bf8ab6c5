"""`runstore verify` and `runstore repair`: what of a log is intact, and a clean log of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runstore.runlog.framing import BLOCK_BYTES
from tests.commands import Bench
from tests.index.writing import exit_record, plain_rows, write_log


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A run of three blocks, of which the middle one is damaged and the last record is torn."""
    bench = Bench(tmp_path)
    log = write_log(tmp_path, [*plain_rows(range(600)), exit_record()], run_id="rep")
    data = bytearray(log.read_bytes())
    data[BLOCK_BYTES + 100 : BLOCK_BYTES + 9_000] = bytes(8_900)
    log.write_bytes(data[:-2])
    (log.parent / "files" / "media").mkdir(parents=True)
    (log.parent / "files" / "media" / "a.txt").write_text("a")
    (log.parent / "blobs").mkdir()
    (log.parent / "blobs" / "b1").write_text("b")
    (log.parent / "run-rep.runstore.json").write_text("{}")
    (log.parent / "run-rep.wandb.synced").write_text("")
    return bench


def the_log(bench: Bench) -> Path:
    (log,) = bench.folder.glob("wandb/*/run-rep.wandb")
    return log


def test_verify_shows_where_bytes_and_which_records_are_lost(bench: Bench) -> None:
    said = bench.runstore("verify", "wandb", "--show-lost", code=1).stdout
    (entry,) = bench.json("verify", "wandb", code=1)
    hole, tail = entry["lost"]
    (gap,) = entry["missing_numbers"]
    assert hole["before"]["record"] == gap[0] - 1
    assert hole["behind"]["record"] == gap[1] + 1
    assert hole["behind"]["step"] - hole["before"]["step"] == gap[1] - gap[0] + 2
    assert (tail["why"], tail["end"], tail["behind"]) == ("torn", entry["size"], None)
    assert entry["missing"] == gap[1] - gap[0] + 1
    assert f"damaged: bytes {hole['start']:,} to {hole['end']:,}" in said
    assert f"behind record {gap[0] - 1:,} (step {hole['before']['step']:,}), before record {gap[1] + 1:,}" in said
    assert f"missing: records {gap[0]:,} to {gap[1]:,}" in said


def test_repair_makes_a_run_directory_of_all_that_is_intact(bench: Bench) -> None:
    log = the_log(bench)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in log.parent.rglob("*") if path.is_file()}
    (found,) = bench.json("verify", "wandb", code=1)
    done = bench.json("repair", "wandb", "--to", "repaired")
    new = bench.folder / done["to"]
    assert new == bench.folder / "repaired" / log.parent.name / "run-rep.wandb"
    assert done["records_written"] == found["records"]
    assert done["found"]["lost"] == found["lost"]
    assert {str(path.relative_to(new.parent)) for path in new.parent.rglob("*")} == {
        "run-rep.wandb", "files", "files/media", "files/media/a.txt", "blobs", "blobs/b1",
    }  # fmt: skip
    (clean,) = bench.json("verify", "repaired", code=1)  # the gap in the numbers stays to be seen
    assert (clean["damaged_bytes"], clean["torn_bytes"], clean["records"]) == (0, 0, found["records"])
    assert clean["missing_numbers"] == found["missing_numbers"]
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before}
    # Both together are one run, and each row is there once.
    (run,) = bench.json("runs", "list", ".")
    assert run["last_step"] == 599
    rows = bench.json("runs", "history", "rep")
    assert len(rows) == 600 - found["missing"] == len({row["_step"] for row in rows})


def test_repair_writes_a_single_file_as_well_and_says_what_is_gone(bench: Bench) -> None:
    said = bench.runstore("repair", str(the_log(bench)), "--to", "new/clean.wandb").stdout.splitlines()
    assert said[0].startswith("new/clean.wandb: ")
    assert any(line.startswith("there is no exit record") for line in said)
    assert [line.split(":")[0] for line in said[-3:]] == ["damaged", "torn", "missing"]
    assert [path.name for path in (bench.folder / "new").iterdir()] == ["clean.wandb"]


def test_repair_overwrites_nothing(bench: Bench) -> None:
    (bench.folder / "there.wandb").write_text("mine")
    said = bench.sentence("repair", "wandb", "--to", "there.wandb", code=2)
    assert "is there already, and nothing is overwritten" in said
    assert (bench.folder / "there.wandb").read_text() == "mine"
    bench.runstore("repair", "wandb", "--to", "out")
    assert "is there already" in bench.sentence("repair", "wandb", "--to", "out", code=2)
    # Nor the log itself, by whatever name.
    log = the_log(bench)
    assert "is there already" in bench.sentence("repair", "wandb", "--to", str(log), code=2)
    assert "is there already" in bench.sentence("repair", "wandb", "--to", str(log.parent.parent), code=2)


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [(b"no log", 1, "is not a run log"), (b"", 1, "not one record is intact"), (None, 3, "there is no such file")],
)
def test_what_can_not_be_repaired_is_said(content: bytes | None, code: int, said: str, bench: Bench) -> None:
    path = bench.folder / "run-x.wandb"
    if content is not None:
        path.write_bytes(content)
    assert said in bench.sentence("repair", "run-x.wandb", "--to", "new.wandb", code=code)
    assert not (bench.folder / "new.wandb").exists()


def test_a_folder_of_many_logs_is_not_one_log(bench: Bench) -> None:
    write_log(bench.folder, plain_rows(range(3)), "b", "other")
    said = bench.sentence("repair", "wandb", "--to", "out", code=2)
    assert "holds 2 run logs; give one of them" in said
    (bench.folder / "nothing").mkdir()
    assert "there is no run log in it" in bench.sentence("repair", "nothing", "--to", "out", code=3)


def test_a_log_without_run_record_needs_the_id_from_its_name(bench: Bench) -> None:
    data = the_log(bench).read_bytes()
    nameless, named = bench.folder / "some.wandb", bench.folder / "run-abc.wandb"
    for path in (nameless, named):
        path.write_bytes(bytes(400) + data[400:])
    assert "its name does not say the run's id" in bench.sentence("repair", "some.wandb", "--to", "x.wandb", code=1)
    done = bench.json("repair", "run-abc.wandb", "--to", "x.wandb")
    assert done["run_record"] == "made"


def test_a_full_disk_leaves_nothing_behind(bench: Bench) -> None:
    done = bench.train(
        """
        import resource
        from pathlib import Path
        from runstore.errors import StorageError
        from runstore.runlog.repair import repair
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            repair(next(Path("wandb").glob("*/run-rep.wandb")), Path("out"))
        except StorageError as error:
            print(error)
        """
    )
    assert "can't be written (File too large); nothing was left there" in done.stdout, done.stderr
    assert list((bench.folder / "out").iterdir()) == []


def test_a_repair_that_is_killed_leaves_no_log(bench: Bench) -> None:
    done = bench.train(
        """
        import os, signal
        from pathlib import Path
        from runstore.runlog import repair
        repair._give_name = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        repair.repair(next(Path("wandb").glob("*/run-rep.wandb")), Path("out"))
        """
    )
    assert done.returncode == -9
    assert [name for name in os.listdir(bench.folder / "out") if not name.startswith(".")] == []

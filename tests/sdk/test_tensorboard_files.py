"""Event files that a program writes are read into its run: those of tensorboardX, and those of our own exports."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import runstore
from runstore.integrations import tensorboard
from runstore.integrations.tensorboard.events import Buckets, Value, event_of
from runstore.integrations.tensorboard.folders import EventFolder, named_root, settle
from runstore.integrations.tensorboard.records import DamagedRecords, RecordFile
from runstore.integrations.tensorboard.tensors import array
from runstore.integrations.tensorboard.values import Conversion
from runstore.query.export.eventfile import EventFile
from runstore.runlog.fields import NotAMessage, fields
from tests import packages
from tests.sdk.reading import begin, rows
from tests.sdk.running import ROOT, ended, running
from tests.timing import HANGS_SECONDS, eventually

WRITER_VERSION = "2.6.5"
PATIENT = """
from runstore.integrations.tensorboard import following
from tests.timing import HANGS_SECONDS, PATIENCE_SECONDS
following.WAIT_FOR_WRITERS_SECONDS = PATIENCE_SECONDS
"""


def site() -> Path:
    """Return the folder with tensorboardX alone: what it needs is in this environment."""
    return packages.cached(
        f"tensorboardX-{WRITER_VERSION}",
        lambda target: packages.pip_install(target, "--no-deps", f"tensorboardX=={WRITER_VERSION}"),
    )


def search_path() -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), str(site())])}


def write(program: str, folder: Path) -> str:
    """Run a program that can import tensorboardX, in the folder above the runs; return what it printed."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PATIENT + textwrap.dedent(program)],
        cwd=folder,
        env={**os.environ, **search_path()},
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def the_log(folder: Path) -> Path:
    (log,) = folder.glob("wandb/*/*.wandb")
    return log


def event_file(path: Path, count: int = 5) -> Path:
    steps = np.arange(count, dtype=np.int64)
    with EventFile(path, 1000.0) as file:
        file.scalars("loss", steps, (steps / 4).astype(np.float32), (1000.0 + steps).astype(np.float64))
    return path


def test_records_are_read_as_they_become_whole(tmp_path: Path) -> None:
    whole = event_file(tmp_path / "whole").read_bytes()
    path = tmp_path / "growing"
    path.touch()
    file, found, counts = RecordFile(path), [], []
    for end in (0, 3, 30, len(whole) - 1, len(whole)):
        path.write_bytes(whole[:end])
        found += list(file.new())
        counts.append(len(found))
    assert counts == [0, 0, 0, 5, 6]
    events = [event for event in map(event_of, found) if event is not None]  # the first one tells the version
    assert [(event.step, event.time, event.values[0].number) for event in events] == [
        (step, 1000.0 + step, step / 4) for step in range(5)
    ]


@pytest.mark.parametrize(("byte", "what"), [(20, "a record"), (2, "the length of a record")])
def test_damage_ends_the_reading_and_says_where(tmp_path: Path, byte: int, what: str) -> None:
    path = event_file(tmp_path / "damaged")
    content = bytearray(path.read_bytes())
    second = 16 + int.from_bytes(content[:8], "little")
    content[second + byte] ^= 1
    path.write_bytes(content)
    file = RecordFile(path)
    with pytest.raises(DamagedRecords, match=f"of {what} at offset {second}"):
        list(file.new())
    assert file.count == 1


def test_bytes_that_are_no_message_are_refused() -> None:
    for wrong in (b"\x0a\x05ab", b"\x80", b"\x0b\x00", b"\xff" * 11):
        with pytest.raises(NotAMessage):
            fields(wrong)


def test_what_is_written_is_in_the_run_without_closing_the_writer(folder: Path) -> None:
    write(
        """
        import runstore
        run = runstore.init(project="p", sync_tensorboard=True)
        from tensorboardX import SummaryWriter
        writer = SummaryWriter("logs")
        for step in range(3):
            writer.add_scalar("loss", step / 4, step)
            writer.add_scalar("acc", step / 2, step)
        writer.add_text("note", "fine", 7)
        runstore.finish()
        writer.close()
        """,
        folder,
    )
    assert rows(the_log(folder)) == [
        *((step, {"loss": step / 4, "acc": step / 2, "global_step": step}) for step in range(3)),
        (3, {"note/text_summary": "fine", "global_step": 7}),
    ]
    assert len(list(the_log(folder).parent.glob("files/events*tfevents*"))) == 1


def test_media_and_histograms_have_the_bytes_and_the_counts_that_were_written(folder: Path) -> None:
    said = write(
        """
        import hashlib, io, json, numpy as np, runstore
        from PIL import Image
        from tensorboardX import SummaryWriter
        runstore.init(project="p", sync_tensorboard=True)
        writer = SummaryWriter("logs")
        picture = np.random.default_rng(0).integers(0, 255, (3, 6, 4), dtype=np.uint8)
        writer.add_image("a/picture", picture, 1)
        writer.add_histogram("weights", np.arange(100.0), 1, bins=10)
        writer.add_histogram("fine", np.random.default_rng(0).normal(size=5000), 1, bins=2000)
        writer.add_pr_curve("curve", np.array([0, 1, 1, 0]), np.array([0.1, 0.8, 0.6, 0.3]), 1, num_thresholds=8)
        writer.close()
        runstore.finish()
        encoded = io.BytesIO()
        Image.fromarray(picture.transpose(1, 2, 0)).save(encoded, format="PNG")
        print(json.dumps(hashlib.sha256(encoded.getvalue()).hexdigest()))
        """,
        folder,
    )
    ((_, row),) = rows(the_log(folder))
    found: dict[str, object] = {"/".join(key) if isinstance(key, tuple) else key: value for key, value in row.items()}
    assert found["weights/values"] == [10] * 10
    assert found["weights/bins"] == pytest.approx(np.linspace(0, 99, 11).tolist())
    assert len(found["fine/values"]) == 512  # type: ignore[arg-type]
    assert sum(found["fine/values"]) == pytest.approx(5000)  # type: ignore[call-overload]
    (picture,) = the_log(folder).parent.glob("files/media/images/a/*.png")
    assert hashlib.sha256(picture.read_bytes()).hexdigest() == json.loads(said)
    (table,) = the_log(folder).parent.glob("files/media/table/*.json")
    assert json.loads(table.read_text())["columns"] == ["recall", "precision"]


def test_keys_of_several_folders_begin_with_their_path(folder: Path) -> None:
    write(
        """
        import runstore
        from runstore.integrations import tensorboard
        from tensorboardX import SummaryWriter
        following.LOOK_SECONDS = HANGS_SECONDS  # all files are read at the end
        tensorboard.patch(root_logdir="logs", save=False)
        runstore.init(project="p")
        for name in ("logs/train", "logs/val/a", "elsewhere"):
            writer = SummaryWriter(name)
            writer.add_scalar("loss", 0.5, 3)
            writer.close()
        again = SummaryWriter("logs/train", filename_suffix=".again")
        again.add_scalar("loss", 0.25, 4)
        again.close()
        runstore.finish()
        """,
        folder,
    )
    found = [row for _, row in rows(the_log(folder))]
    assert [key for row in found for key in row if key != "global_step"] == [
        *("train/loss", "train/loss", "val/a/loss", "loss")
    ]
    assert not list(the_log(folder).parent.glob("files/**/*tfevents*"))


def test_rows_of_the_program_are_numbered_with_those_that_are_read(folder: Path) -> None:
    write(
        """
        import runstore
        from tensorboardX import SummaryWriter
        run = runstore.init(project="p", sync_tensorboard=True)
        writer = SummaryWriter("logs")
        run.log({"a": 1}, step=100)
        run.log({"b": 2}, step=100)
        run.log({"a": 3}, step=50)
        run.log({"c": 4}, commit=False)
        writer.add_scalar("loss", 0.5, 7)
        runstore.finish()
        """,
        folder,
    )
    assert rows(the_log(folder)) == [
        (0, {"a": 1, "b": 2}),
        (1, {"a": 3, "c": 4, "loss": 0.5, "global_step": 7}),
    ]


def test_a_kill_leaves_what_was_flushed_but_for_the_last_step(folder: Path) -> None:
    program = """
        import sys, runstore
        from tensorboardX import SummaryWriter
        runstore.init(project="p", sync_tensorboard=True)
        a, b = SummaryWriter("LOGS/a"), SummaryWriter("LOGS/b")
        for step in range(4):
            a.add_scalar("loss", step, step)
        a.close()
        print("ready", flush=True)
        sys.stdin.read()
    """
    folder.mkdir()
    source = textwrap.dedent(program).replace("LOGS", str(folder / "logs"))
    with running(source, environment=search_path(), stdin=subprocess.PIPE) as process:
        log = the_log(folder)
        eventually(lambda: len(rows(log)) == 3)
        process.send_signal(signal.SIGKILL)
        ended(process)
    assert [row for _, row in rows(log)] == [{"a/loss": float(step), "global_step": step} for step in range(3)]


def test_a_run_that_does_not_ask_for_it_reads_nothing(folder: Path) -> None:
    write(
        """
        import runstore
        from tensorboardX import SummaryWriter
        runstore.init(project="p", sync_tensorboard=True, id="first").finish()
        run = runstore.init(project="p", id="second")
        writer = SummaryWriter("logs")
        writer.add_scalar("loss", 0.5, 7)
        writer.close()
        run.log({"a": 1}, step=5)
        runstore.finish()
        with runstore.init(mode="disabled", sync_tensorboard=True):
            SummaryWriter("others").close()
        """,
        folder,
    )
    (log,) = folder.glob("wandb/*/run-second.wandb")
    assert rows(log) == [(5, {"a": 1})]


def test_writers_are_followed_once_and_let_go_again() -> None:
    tensorboard.patch()
    with pytest.raises(runstore.UsageError, match="unpatch"):
        tensorboard.patch()
    begin(sync_tensorboard=True).finish()
    tensorboard.unpatch()
    tensorboard.unpatch()


def test_earlier_files_of_a_folder_are_not_those_of_the_run(folder: Path) -> None:
    logs = folder / "logs"
    logs.mkdir(parents=True)
    event_file(logs / "events.out.tfevents.1.old")
    run = begin()
    run._tensorboard_callback(str(logs))
    event_file(logs / "events.out.tfevents.2.new", count=1)
    run.finish()
    assert rows(the_log(folder)) == [(0, {"loss": 0.0, "global_step": 0})]


def test_roots_are_settled_by_a_name_a_second_folder_or_time(tmp_path: Path) -> None:
    now = time.monotonic()
    alone = EventFolder(tmp_path / "a" / "train", None, now)
    settle([alone], now, ending=False)
    assert not alone.settled
    settle([alone], now + 11, ending=False)
    assert (alone.settled, alone.prefix) == (True, "")
    late = EventFolder(tmp_path / "a" / "val", None, now + 12)
    settle([alone, late], now + 12, ending=False)
    assert (alone.prefix, late.prefix) == ("", "val/")
    assert named_root(tmp_path / "x" / "y", str(tmp_path / "x")) == tmp_path / "x"
    assert named_root(tmp_path / "z", str(tmp_path / "x")) is None


def test_buckets_of_tensorflow_end_at_the_greatest_value() -> None:
    buckets = Buckets((1.0, 2.0, 1.7976931348623157e308), (3.0, 4.0, 5.0), 0.5, 9.0)
    found = Conversion().of(Value("h", "histogram", buckets=buckets))
    assert (found.histogram, found.bins) == ([3, 4, 5], [0.5, 1.0, 2.0, 9.0])


def message(*parts: tuple[int, bytes | int]) -> bytes:
    """Return a protobuf message of contents and small varints."""
    out = b""
    for number, value in parts:
        out += bytes([number << 3, value]) if isinstance(value, int) else bytes([number << 3 | 2, len(value)]) + value
    return out


@pytest.mark.parametrize(
    ("dtype", "numbers", "wanted"),
    [
        (9, (10, bytes([5, *[0xFF] * 9, 1])), [5, -1]),  # int64, packed varints
        (2, (4, np.array([0.5, 1.5]).tobytes()), [0.5, 1.5]),  # float64, as content
        (1, (5, np.array([0.25], "<f4").tobytes()), [0.25, 0.25]),  # float32, one for all
        (19, (13, bytes([0x80, 0x78, 0x80, 0x80, 0x01])), [1.0, 2.0]),  # float16, as bits
        (10, (11, bytes([1, 0])), [True, False]),
        (9, (10, bytes([1, 2, 3])), None),  # more than the shape holds
        (7, (8, b"text"), None),
    ],
)
def test_tensors_are_arrays_in_all_their_forms(dtype: int, numbers: tuple[int, bytes], wanted: object) -> None:
    found = array(message((1, dtype), (2, message((2, message((1, 2))))), numbers))
    assert (None if found is None else found.tolist()) == wanted

"""The daemon's own messages: whoever moves, fills or deletes their file, they go on."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.syncd.messages import MessageFile, follow, last_lines
from tests.timing import PATIENCE_SECONDS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "daemon.log"


@pytest.fixture
def handler(path: Path) -> Iterator[MessageFile]:
    made = MessageFile(path, most_bytes=2000, kept=3)
    yield made
    made.close()


@pytest.fixture
def logger(handler: MessageFile) -> Iterator[logging.Logger]:
    logger = logging.getLogger("tests.messages")
    logger.propagate = False  # pytest's own record goes between processes, as UTF-8
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


def test_a_message_is_a_line_of_key_and_value(path: Path, logger: logging.Logger) -> None:
    logger.info("event=started pid=%d", 5)
    (line,) = path.read_text().splitlines()
    time, rest = line.split(" ", 1)
    assert rest == "level=INFO logger=tests.messages event=started pid=5"
    assert time.startswith("time=20")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_hostile_name_ends_no_line_and_moves_no_cursor(path: Path, logger: logging.Logger) -> None:
    logger.info('log="%s"', "/data/a\nlevel=ERROR b\x1b[2J\udcff\u2028")
    (line,) = path.read_text().splitlines()
    assert r"a\x0alevel=ERROR b\x1b[2J\udcff\x2028" in line


def test_a_traceback_stands_below(path: Path, logger: logging.Logger) -> None:
    try:
        raise ValueError("why")
    except ValueError:
        logger.exception("event=command-failed")
    lines = path.read_text().splitlines()
    assert lines[0].endswith("event=command-failed")
    assert lines[-1] == "ValueError: why"


def test_a_long_file_is_set_aside_and_only_so_many_are_kept(path: Path, logger: logging.Logger) -> None:
    for n in range(200):
        logger.info("event=n number=%d", n)
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["daemon.log", "daemon.log.1", "daemon.log.2", "daemon.log.3"]
    assert all(file.stat().st_size <= 2000 for file in files)
    assert last_lines(path, 30)[-1].endswith("number=199")
    assert [int(line.rpartition("=")[2]) for line in last_lines(path, 60)] == list(range(140, 200))
    assert last_lines(path, 0) == []


@pytest.mark.parametrize("how", ["moved", "deleted", "replaced", "truncated"])
def test_a_file_that_others_take_away_is_begun_anew(path: Path, logger: logging.Logger, how: str) -> None:
    logger.info("event=before")
    if how == "moved":
        path.rename(path.with_name("daemon.log-20260101"))
    elif how == "deleted":
        path.unlink()
    elif how == "replaced":
        path.rename(path.with_name("old"))
        path.touch()
    else:
        os.truncate(path, 0)
    logger.info("event=after")
    assert [line.rpartition(" ")[2] for line in path.read_text().splitlines()] == ["event=after"]


def test_a_disk_that_refuses_costs_messages_that_are_counted(path: Path, logger: logging.Logger) -> None:
    path.mkdir()
    for _ in range(3):
        logger.info("event=lost")
    path.rmdir()
    logger.info("event=kept")
    first, second = path.read_text().splitlines()
    assert first == "event=messages-lost count=3"
    assert second.endswith("event=kept")


def test_stderr_of_a_process_in_the_background_goes_on_into_the_new_file(path: Path) -> None:
    program = f"""
import logging, os, sys
from pathlib import Path
from runstore.syncd.messages import listen
listen(Path({str(path)!r}))
logging.getLogger("runstore.x").info("event=one")
os.rename({str(path)!r}, {str(path) + ".old"!r})
logging.getLogger("runstore.x").info("event=two")
print("a traceback", file=sys.stderr)
"""
    with path.open("ab") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, stderr=out, check=True)
    one, two = path.with_name("daemon.log.old").read_text(), path.read_text()
    assert one.count("\n") == 1
    assert one.endswith("event=one\n")
    assert two.splitlines()[0].endswith("event=two")
    assert two.splitlines()[1] == "a traceback"


def test_in_a_terminal_messages_are_shown_besides(path: Path) -> None:
    program = f"""
import logging
from pathlib import Path
from runstore.syncd.messages import listen
listen(Path({str(path)!r}))
logging.getLogger("runstore.x").info("event=one")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == path.read_text()
    assert done.stderr.endswith("event=one\n")


def test_what_is_followed_goes_on_in_the_next_file(path: Path, logger: logging.Logger) -> None:
    logger.info("event=old")
    followed = follow(path)
    seen: list[str] = []
    first_seen = threading.Event()

    def read() -> None:
        for line in followed:
            seen.append(line.rpartition(" ")[2])
            first_seen.set()
            if line.endswith("number=99"):
                return

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    while not first_seen.is_set():  # it begins at the end of the file, whenever that is
        logger.info("number=0")
        first_seen.wait(0.1)
    for n in range(1, 100):
        logger.info("number=%d", n)
    reading.join(PATIENCE_SECONDS)
    assert seen[-1] == "number=99"
    assert "event=old" not in seen


def test_there_is_nothing_to_show_before_the_first_message(path: Path) -> None:
    assert last_lines(path, 10) == []

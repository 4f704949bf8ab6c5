"""An index that is damaged, locked, on a full disk, on one that can't be written, on a network: said, and survived."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from runstore.errors import IndexDamaged, IndexUnusable, StorageError, UnfitPath
from runstore.index import connection as connection_module
from runstore.index import database
from runstore.index.database import index_path, open_index
from runstore.index.indexer import Indexer
from runstore.index.upkeep import notices
from tests.index.writing import dump, indexed, mixed_bodies, plain_rows, write_log
from tests.timing import eventually


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every notice, as the command line would print it."""
    sentences: list[str] = []
    monkeypatch.setattr(notices, "_listeners", [sentences.append])
    return sentences


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 1.5 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount the small file system that this test needs")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def damage(index: Path, *tables: str) -> None:
    """Overwrite the first pages of some tables, which nobody reads who only opens the database."""
    with closing(sqlite3.connect(index)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = dict(connection.execute("SELECT name, rootpage FROM sqlite_master"))
    data = bytearray(index.read_bytes())
    for table in tables:
        data[4096 * (pages[table] - 1) : 4096 * pages[table]] = b"\xab" * 4096
    index.write_bytes(data)


def test_damage_found_while_reading_is_said_and_the_next_call_has_a_new_index(tmp_path: Path) -> None:
    log = write_log(tmp_path, [*mixed_bodies(1, 400)])
    index = tmp_path / "i.db"
    expected = indexed(index, log)
    with closing(Indexer(index)) as indexer:
        indexer.add_root(tmp_path / "some root")
    damage(index, "chunks")
    with pytest.raises(IndexDamaged, match=r"i\.db: the index is damaged .*set aside.*next call builds a new one"):
        dump(index)
    with closing(Indexer(index)) as indexer:
        indexer.catch_up_known()
    assert (tmp_path / "i.db.damaged").exists()
    assert indexed(index, log) == expected


def test_damage_found_while_writing_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(3000)))
    more = write_log(tmp_path, plain_rows(range(3000)), "b", "r2")
    index = tmp_path / "i.db"
    expected = indexed(tmp_path / "good.db", log, more)
    indexed(index, log)
    with closing(Indexer(index)) as indexer:
        damage(index, "runs", "series", "chunks")
        with pytest.raises(IndexDamaged):
            indexer.catch_up(more)
        with pytest.raises((IndexDamaged, IndexUnusable)):  # of what it was, nothing more is written
            indexer.catch_up(more)
    assert indexed(index, log, more) == expected


def test_who_had_the_damaged_index_open_does_the_new_one_no_harm(tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(50)))
    index = tmp_path / "i.db"
    expected = indexed(index, log)
    other = open_index(index)
    other.execute("INSERT INTO roots VALUES ('/x')")
    replaced = [other.is_replaced]
    with closing(open_index(index)) as first:
        raised = first.translated(sqlite3.DatabaseError("database disk image is malformed"))
        assert isinstance(raised, IndexDamaged)
    replaced.append(other.is_replaced)
    assert replaced == [False, True]
    with closing(Indexer(index)) as fresh:
        fresh.catch_up(log)
        other.execute("INSERT INTO roots VALUES ('/y')")
        other.close()
        assert fresh.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert dump(index) == expected
    with closing(Indexer(index)) as again:
        assert again.roots() == [Path("/x")]


def test_a_second_damage_notice_sets_nothing_aside_that_is_new(tmp_path: Path) -> None:
    index = tmp_path / "i.db"
    with closing(open_index(index)) as one, closing(open_index(index)) as other:
        for connection in (one, other):
            connection.translated(sqlite3.DatabaseError("database disk image is malformed"))
    with closing(open_index(index)) as fresh:
        assert fresh.execute("SELECT count(*) FROM logs").fetchone() == (0,)
    assert sorted(path.name for path in tmp_path.glob("i.db.damaged")) == ["i.db.damaged"]


def test_an_error_of_the_sql_itself_stays_what_it_is(tmp_path: Path) -> None:
    with closing(open_index(tmp_path / "i.db")) as connection:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            connection.execute("SELECT * FROM nowhere")
        with pytest.raises(sqlite3.IntegrityError):
            connection.executemany("INSERT INTO roots VALUES (?)", [("a",), ("a",)])


def test_a_lock_that_is_held_for_long_is_said_and_waited_for(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "QUIET_SECONDS", 0.1)
    log = write_log(tmp_path, plain_rows(range(5)))
    index = tmp_path / "i.db"
    expected = indexed(tmp_path / "good.db", log)
    holder = open_index(index)
    holder.execute("BEGIN IMMEDIATE")

    def let_go_once_told() -> None:
        eventually(lambda: told)
        holder.execute("COMMIT")

    thread = threading.Thread(target=let_go_once_told)
    thread.start()
    assert indexed(index, log) == expected
    assert told == [f"{index}: another process is writing the index; waiting up to 60 s for it"]
    thread.join()
    holder.close()


def test_a_lock_that_is_never_given_back_ends_in_one_sentence(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(connection_module, "BUSY_SECONDS", 0.3)
    log = write_log(tmp_path, plain_rows(range(5)))
    index = tmp_path / "i.db"
    with closing(open_index(index)) as holder, closing(Indexer(index)) as indexer:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(IndexUnusable, match=r"i\.db: another process has kept the index locked.*fuser.*repeat"):
            indexer.catch_up(log)
        holder.execute("COMMIT")
        assert indexer.catch_up(log)
    assert len(told) == 1


def test_a_full_disk_is_said_and_indexing_goes_on_when_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    logs = [write_log(tmp_path, plain_rows(range(12_000), seed=n), f"{n}", f"r{n}") for n in range(6)]
    expected = indexed(tmp_path / "good.db", *logs)
    index = small_disk / "i.db"
    with (
        closing(Indexer(index)) as indexer,
        pytest.raises(StorageError, match=r"i\.db: the disk is full.*RUNSTORE_HOME"),
    ):
        list(map(indexer.catch_up, logs))
    with closing(Indexer(index)) as indexer:
        assert indexer.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    subprocess.run(["mount", "-o", "remount,size=30m", str(small_disk)], check=True)
    assert indexed(index, *logs) == expected


def test_an_index_that_can_not_be_written_is_read(small_disk: Path, tmp_path: Path, told: list[str]) -> None:
    log = write_log(tmp_path, plain_rows(range(50)))
    index = small_disk / "i.db"
    expected = indexed(index, log)
    with log.open("ab") as file:
        file.write(b"more")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with closing(Indexer(index)) as indexer:
        indexer.add_root(tmp_path)
        indexer.catch_up_known()
        assert not indexer.catch_up(log)
        assert indexer.catch_up_below(tmp_path) == []
    assert dump(index) == expected
    assert told[0] == f"{index}: the index can't be written there; what was logged since it was is not in the answers"
    with pytest.raises(IndexUnusable, match=r"other\.db.*RUNSTORE_HOME"):
        open_index(small_disk / "other.db")


def test_an_index_that_was_left_in_the_middle_can_be_read_on_a_disk_that_can_not_be_written(
    small_disk: Path, tmp_path: Path
) -> None:
    log = write_log(tmp_path, plain_rows(range(50)))
    index = small_disk / "i.db"
    program = (
        "import os, sys; from pathlib import Path; from runstore.index.indexer import Indexer\n"
        "Indexer(Path(sys.argv[1])).catch_up(Path(sys.argv[2])); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, str(index), str(log)], check=True)
    assert index.with_name("i.db-wal").stat().st_size > 0
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert dump(index) == indexed(tmp_path / "good.db", log)


def test_a_home_on_a_network_file_system_has_its_index_on_this_machine(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "is_local", lambda path: False)
    monkeypatch.setattr(database, "local_folder", lambda name: _made(tmp_path / "local" / name))
    path = index_path()
    assert path.is_relative_to(tmp_path / "local")
    assert told == [
        f"{tmp_path}/home: is on a network file system, where SQLite is not safe; the index of this machine is {path}"
    ]
    open_index(path).close()
    assert index_path() == path
    assert len(told) == 1  # said when it is new
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "another home"))
    assert index_path() != path


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_processes_that_read_and_write_while_the_index_is_set_aside_end_with_a_good_one(tmp_path: Path) -> None:
    """The journal of one file must never be taken for that of another that bears its name."""
    logs = [write_log(tmp_path, plain_rows(range(300), seed=n), f"{n}", f"r{n}") for n in range(4)]
    expected = indexed(tmp_path / "good.db", *logs)
    index = tmp_path / "i.db"
    stop = threading.Event()

    def index_again_and_again() -> None:
        while not stop.is_set():
            with suppress(IndexDamaged), closing(Indexer(index)) as indexer:
                for log in logs:
                    indexer.catch_up(log)

    threads = [threading.Thread(target=index_again_and_again) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        with closing(open_index(index)) as connection:
            connection.translated(sqlite3.DatabaseError("database disk image is malformed"))
    stop.set()
    for thread in threads:
        thread.join()
    with closing(Indexer(index)) as indexer:
        assert indexer.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert not indexer.connection.is_replaced
    assert indexed(index, *logs) == expected


def test_a_path_that_is_no_text_is_said_each_time_and_hides_no_other_log(tmp_path: Path) -> None:
    good = write_log(tmp_path, plain_rows(range(3)))
    odd = write_log(tmp_path / os.fsdecode(b"od\xff"), plain_rows(range(3)), run_id="r2")
    with closing(Indexer(tmp_path / "index.db")) as indexer:
        for _ in range(2):
            (error,) = indexer.catch_up_below(tmp_path)
            assert isinstance(error, UnfitPath)
            assert str(odd) in str(error)
        assert indexer.connection.execute("SELECT path FROM logs").fetchall() == [(str(good),)]
        for look in (indexer.catch_up, indexer.catch_up_below, indexer.add_root):
            with pytest.raises(UnfitPath, match="not UTF-8"):
                look(odd)
        indexer.catch_up_known(odd.parent)

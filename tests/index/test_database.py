"""The database: a cache that is made anew whenever it can't be used, in SQL that old versions understand."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import runstore
from runstore.errors import IndexUnusable
from runstore.index.database import index_path, open_index
from runstore.index.indexer import Indexer
from runstore.index.upkeep import notices
from runstore.index.upkeep.renewal import schema
from tests.index.writing import dump, indexed, plain_rows, write_log


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every notice, as the command line would print it."""
    sentences: list[str] = []
    monkeypatch.setattr(notices, "_listeners", [sentences.append])
    return sentences


@pytest.mark.parametrize("garbage", [b"no database at all" * 500, b"\0" * 4096, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_corrupt_index_is_set_aside_and_built_again(garbage: bytes, tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(5)))
    expected = indexed(tmp_path / "good.db", log)
    index = tmp_path / "i.db"
    index.write_bytes(garbage)
    assert indexed(index, log) == expected
    assert (tmp_path / "i.db.damaged").read_bytes()[:10] == garbage[:10]


def test_an_index_whose_first_page_is_damaged_is_set_aside_with_its_own_log(tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(5)))
    index = tmp_path / "i.db"
    expected = indexed(index, log)
    data = bytearray(index.read_bytes())
    data[:16] = bytes(16)
    index.write_bytes(data)
    assert indexed(index, log) == expected


def test_processes_that_find_the_same_damage_make_one_new_index(tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(200)))
    index = tmp_path / "i.db"
    index.write_bytes(b"no database at all" * 500)
    program = (
        "import sys; from pathlib import Path; from runstore.index.indexer import Indexer\n"
        "print('ready', flush=True); sys.stdin.read()\n"
        "Indexer(Path(sys.argv[1])).catch_up(Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, str(index), str(log)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert indexed(index) == indexed(tmp_path / "good.db", log)


def test_an_index_of_a_newer_runstore_is_refused_and_left_alone(tmp_path: Path) -> None:
    index = tmp_path / "i.db"
    open_index(index).close()
    connection = sqlite3.connect(index)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = index.read_bytes()
    with pytest.raises(IndexUnusable, match=r"schema 99.*upgrade runstore"):
        open_index(index)
    assert index.read_bytes() == before


def test_an_index_of_an_older_runstore_is_emptied_and_built_again_from_the_logs_that_it_knew(
    tmp_path: Path, told: list[str]
) -> None:
    below = write_log(tmp_path / "root", plain_rows(range(5)))
    beside = write_log(tmp_path / "beside", plain_rows(range(7)), run_id="r2")
    index = tmp_path / "i.db"
    expected = indexed(index, below, beside)
    with closing(Indexer(index)) as indexer:
        indexer.add_root(tmp_path / "root")
    make_older(index)
    with closing(Indexer(index)) as indexer:
        assert indexer.roots() == [tmp_path / "root"]
        assert indexer.connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)
        indexer.catch_up_known()
    assert dump(index) == expected
    (sentence,) = told
    assert sentence == f"{index}: was made by an older runstore (schema 2); it is built anew from the logs"


def make_older(index: Path) -> None:
    """Make an index look as that of an older version did: with fewer tables, and others."""
    connection = sqlite3.connect(index)
    connection.execute("DROP TABLE to_index")
    connection.execute("CREATE TABLE what_is_no_more (x)")
    connection.execute("CREATE VIEW seen AS SELECT * FROM what_is_no_more")
    connection.execute("PRAGMA user_version = 2")
    connection.commit()
    connection.close()


def test_a_place_where_no_index_can_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexUnusable, match=r"nowhere/i\.db.*RUNSTORE_HOME"):
        open_index(tmp_path / "nowhere" / "i.db")


def test_the_index_lies_in_the_home(tmp_path: Path) -> None:
    assert index_path() == tmp_path / "home" / "index.db"


def test_no_statement_needs_a_new_sqlite() -> None:
    package = Path(runstore.__file__).parent
    sources = [path for path in package.rglob("*.py") if path.name != "record_pb2.py"]
    texts = [*(path.read_text() for path in sources), schema()]
    assert len(texts) > 30
    for text in texts:
        sql = re.sub(r'"""[\s\S]*?"""|#.*', "", text)  # words about it may be there
        assert not re.search(r"\bRETURNING\b|\bSTRICT\b|\bDROP\s+COLUMN\b", sql)

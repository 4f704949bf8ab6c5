"""Collections of artifacts in the index: added to as logs grow, and the same as when computed anew from all logs."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runstore.core.manifest import content_digest
from runstore.core.moves import CollectionPath
from runstore.index.artifacts import renewing
from runstore.index.indexer import Indexer
from runstore.index.upkeep.check import check
from tests.index.dump import dump
from tests.index.facts import artifact, move
from tests.index.writing import log_path, row, write, write_log

BODIES = Mapping[str, Sequence[bytes]]


def logged(name: str, client_id: str, at: int, version: int | None = None, **more: Any) -> list[bytes]:
    """Return what our own writer says of an artifact: the move, then the artifact."""
    aliases = more.pop("aliases", ("latest",))
    base = more.pop("base", "")
    said = move(name, client_id, at, version=version, aliases=aliases, base=base)
    return [said, artifact(name, client_id=client_id, **{"digest": f"digest of {client_id}", **more})]


def write_logs(folder: Path, logs: BODIES) -> list[Path]:
    return [write_log(folder, bodies, name, name) for name, bodies in logs.items()]


def index_of(folder: Path, logs: Sequence[Path], name: str = "a.db") -> Path:
    indexer = Indexer(folder / name)
    for log in logs:
        indexer.catch_up(log)
    indexer.close()
    return folder / name


def query(index: Path, sql: str) -> list[tuple[Any, ...]]:
    indexer = Indexer(index)
    found = indexer.connection.execute(sql).fetchall()
    indexer.close()
    return found


def versions(index: Path) -> list[tuple[Any, ...]]:
    return query(index, "SELECT name, number, client_id FROM versions JOIN collections ON id = collection"
                        " WHERE removed = 0 ORDER BY 1, 2")  # fmt: skip


def aliases(index: Path, name: str = "n") -> dict[str, int]:
    return dict(
        query(index, f"SELECT alias, number FROM aliases JOIN collections ON id = collection WHERE name = '{name}'")
    )


# What happens in one collection, and in one that it is linked to: who, what, to which alias.
ACTS = st.tuples(
    st.sampled_from(
        ["log", "log", "log", "again", "stock", "alias", "drop", "remove", "link", "unlink", "part", "more"]
    ),
    st.integers(0, 5),
    st.sampled_from(["latest", "best"]),
)


def acted(acts: list[tuple[str, int, str]]) -> BODIES:
    """Return the logs of runs that do this, one after another, as well as they can know what is free."""
    logs: dict[str, list[bytes]] = {f"r{run}": [] for run in range(4)}
    for at, (act, who, alias) in enumerate(acts, 1):
        own, some = f"c{at}", f"c{who}"
        now = at * 1_000_000_000_000
        said: dict[str, list[bytes]] = {
            "log": logged("n", own, now, at),
            "again": logged("n", own, now, None, digest=f"d{who}"),
            "stock": [row(at, {"x": 1}), artifact("n", client_id=own, digest=f"d{who}", aliases=[alias])],
            "alias": [move("n", some, now, aliases=(alias,))],
            "drop": [move("n", some, now, dropped=(alias,))],
            "remove": [move("n", some, now, removed=True)],
            "link": [move("m", some, now, version=who, linked=True, aliases=(alias,))],
            "unlink": [move("m", some, now, linked=True, removed=True)],
            "part": logged("n", own, now, None, distributed_id="g", finalize=who > 2),
            "more": logged("n", own, now, at, base=some, incremental_beta1=True),
        }
        logs[f"r{who % 4}"] += said[act]
    return dict(logs)


# Of two artifacts with the same content, one is in another collection as well.
LINKED_TWIN = [("log", 0, "latest"), *[("again", 4, "latest")] * 2, ("link", 4, "latest")]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(acts=st.lists(ACTS, max_size=14), order=st.permutations(range(4)))
@example(acts=[*LINKED_TWIN[:1], ("log", 1, "latest"), *LINKED_TWIN[1:]], order=[1, 0, 2, 3])
@example(acts=[*LINKED_TWIN[:1], ("log", 0, "latest"), *LINKED_TWIN[1:]], order=[0, 1, 2, 3])
def test_whatever_order_logs_come_in_and_grow_collections_are_the_same(
    acts: list[tuple[str, int, str]], order: list[int], tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    whole = acted(acts)
    logs = write_logs(tmp_path, whole)
    anew = dump(index_of(tmp_path, logs))
    assert dump(index_of(tmp_path, [logs[at] for at in order], "b.db")) == anew
    half = write_logs(tmp_path / "half", {name: bodies[: len(bodies) // 2] for name, bodies in whole.items()})
    grown = Indexer(tmp_path / "c.db")
    for log, part in zip(logs, half, strict=True):
        whole_log = log.read_bytes()
        log.write_bytes(part.read_bytes())
        grown.catch_up(log)
        log.write_bytes(whole_log)
    for at in order:
        grown.catch_up(logs[at])
    grown.close()
    assert dump(tmp_path / "c.db") == anew


def test_versions_that_come_in_order_are_added_and_nothing_is_computed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = list[CollectionPath]()

    def renew(connection: sqlite3.Connection, collection: CollectionPath) -> None:
        computed.append(collection)
        as_always(connection, collection)

    as_always = renewing.renew
    monkeypatch.setattr(renewing, "renew", renew)
    indexer = Indexer(tmp_path / "a.db")
    for number in range(30):
        name, at = f"t{number}", 10 * number
        bodies = [
            *logged("n", f"c{number}", at + 1, number),
            *(move("n", f"c{number}", at + 2, aliases=("best",)), move("n", f"c{number - 2}", at + 3, removed=True)),
            move("m", f"c{number}", at + 4, version=number, linked=True, aliases=("latest",)),
            *(row(number, {"x": 1}), artifact("s", client_id=f"s{number}", digest=f"d{number}", aliases=["latest"])),
        ]
        indexer.catch_up(write_log(tmp_path, bodies, name, name, started=2000.0 + number))
    indexer.close()
    assert computed == []
    assert aliases(tmp_path / "a.db", "n") == {"latest": 29, "best": 29}
    assert len(versions(tmp_path / "a.db")) == 2 + 30 + 30


def test_a_check_says_which_collection_is_not_what_the_logs_say(tmp_path: Path) -> None:
    index = index_of(tmp_path, write_logs(tmp_path, {"a": logged("n", "c", 1, 0)}))
    assert check(index).differing == {}
    with closing(Indexer(index)) as indexer:
        indexer.connection.execute("UPDATE aliases SET number = 7")
    assert check(index).differing == {"p/n": ["aliases"]}


def test_a_killed_claim_leaves_its_number_to_the_next(tmp_path: Path) -> None:
    logs = {"a": [move("n", "killed", 1, version=0)], "b": logged("n", "next", 2, 0)}
    assert versions(index_of(tmp_path, write_logs(tmp_path, logs))) == [("n", 0, "next")]


def test_two_machines_that_claimed_one_number_both_have_a_version(tmp_path: Path) -> None:
    logs = write_logs(tmp_path, {"a": logged("n", "later", 9, 0), "b": logged("n", "first", 5, 0)})
    for name, order in (("a.db", logs), ("b.db", logs[::-1])):
        assert versions(index_of(tmp_path, order, name)) == [("n", 0, "first"), ("n", 1, "later")]


def test_copies_of_a_log_count_once_and_the_version_stays_with_the_one_that_is_left(tmp_path: Path) -> None:
    (log,) = write_logs(tmp_path / "one", {"a": logged("n", "c", 1, 0)})
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    index = index_of(tmp_path, [log, tmp_path / "two" / log.relative_to(tmp_path / "one")])
    assert versions(index) == [("n", 0, "c")]
    shutil.rmtree(tmp_path / "one")
    indexer = Indexer(index)
    indexer.forget(log)
    indexer.close()
    assert versions(index) == [("n", 0, "c")]


def test_an_artifact_that_is_logged_twice_is_one_version(tmp_path: Path) -> None:
    bodies = [*logged("n", "c", 1, 0), *logged("n", "c", 2, 0, aliases=("best",))]
    index = index_of(tmp_path, write_logs(tmp_path, {"a": bodies}))
    assert (versions(index), aliases(index)) == ([("n", 0, "c")], {"latest": 0, "best": 0})


def test_with_its_log_a_version_goes_and_numbers_of_others_stay(tmp_path: Path) -> None:
    logs = write_logs(tmp_path, {name: logged("n", name, at, at) for at, name in enumerate("abc")})
    index = index_of(tmp_path, logs)
    indexer = Indexer(index)
    indexer.forget(logs[1])
    indexer.close()
    assert versions(index) == [("n", 0, "a"), ("n", 2, "c")]
    indexer = Indexer(index)
    for log in (logs[0], logs[2]):
        indexer.forget(log)
    indexer.close()
    for table in ("collections", "versions", "members", "aliases", "moves", "parts", "stale_collections"):
        assert query(index, f"SELECT * FROM {table}") == [], table


def test_artifacts_of_stock_tools_are_numbered_by_the_times_in_their_logs(tmp_path: Path) -> None:
    logs = {}
    for name, at in (("a", 500), ("b", 100), ("c", 300)):
        bodies = [artifact("n", client_id=f"{name}{k}", digest=f"{name}{k}", aliases=["latest"]) for k in range(2)]
        logs[name] = [row(at, {"x": 1}), *bodies]
    index = index_of(tmp_path, write_logs(tmp_path, logs))
    assert [client_id for _, _, client_id in versions(index)] == ["b0", "b1", "c0", "c1", "a0", "a1"]
    assert aliases(index) == {"latest": 5}


def test_an_artifact_before_its_run_is_known_counts_when_it_is(tmp_path: Path) -> None:
    path = log_path(tmp_path)
    write(path, logged("n", "c", 1, 0))
    index = index_of(tmp_path, [path])
    assert versions(index) == []
    path.unlink()
    write(path, [*logged("n", "c", 1, 0), row(0, {"x": 1})])
    assert versions(index_of(tmp_path, [path])) == [("n", 0, "c")]


def test_parts_of_several_processes_are_one_version_when_the_last_is_there(tmp_path: Path) -> None:
    parts = {
        f"r{rank}": logged("n", f"c{rank}", rank + 1, 0 if rank == 2 else None, distributed_id="g", finalize=rank == 2)
        for rank in range(3)
    }
    logs = write_logs(tmp_path, parts)
    indexer = Indexer(tmp_path / "a.db")
    for log in logs[:2]:
        indexer.catch_up(log)
    indexer.close()
    assert versions(tmp_path / "a.db") == []
    index = index_of(tmp_path, logs)
    assert versions(index) == [("n", 0, "c2")]
    assert query(index, "SELECT count(*) FROM parts") == [(3,)]
    assert query(index, "SELECT client_id, number FROM members ORDER BY 1") == [("c0", 0), ("c1", 0), ("c2", 0)]


def test_the_digest_of_an_incremental_artifact_is_that_of_all_that_is_in_it(tmp_path: Path) -> None:
    more = artifact("n", client_id="more", digest="own", incremental_beta1=True)
    bodies = [*logged("n", "base", 1, 0), move("n", "more", 2, version=1, base="base"), more]
    index = index_of(tmp_path, write_logs(tmp_path, {"a": bodies}))
    ((digest, base),) = query(index, "SELECT digest, base FROM versions WHERE client_id = 'more'")
    named = {"b.bin": "md5-b.bin", "a/a.txt": "md5-a/a.txt", "far": ""}
    assert (digest, base) == (content_digest(named), 0)


def test_a_link_is_a_version_of_the_other_collection_until_it_is_removed(tmp_path: Path) -> None:
    bodies = [*logged("n", "c", 1, 0), move("m", "c", 2, version=0, linked=True, aliases=("latest",), project="reg")]
    logs = write_logs(tmp_path, {"a": bodies})
    assert versions(index_of(tmp_path, logs)) == [("m", 0, "c"), ("n", 0, "c")]
    logs += write_logs(tmp_path, {"b": [move("m", "c", 3, linked=True, removed=True, project="reg")]})
    assert versions(index_of(tmp_path, logs)) == [("n", 0, "c")]
    logs += write_logs(tmp_path, {"c": [move("m", "c", 4, version=1, linked=True, project="reg")]})
    assert versions(index_of(tmp_path, logs)) == [("m", 1, "c"), ("n", 0, "c")]

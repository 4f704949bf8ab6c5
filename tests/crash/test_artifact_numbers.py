"""Processes that log artifacts of one name at once, and some that are killed meanwhile: every version has its bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from runstore.core.artifactname import parse_artifact_name
from runstore.core.moves import CollectionPath
from runstore.index.indexer import Indexer
from runstore.index.upkeep.rebuild import rebuild
from runstore.query.artifacts.registry import Registry, Version
from tests.index.dump import dump

HERE = CollectionPath("", "p", "model")
EACH = 50
EACH_NODE = 15
KILLS = 30

# Logs so many versions, each of two files, when a line comes in, and all but the first when another one does; says the
# number of each as it is logged.
LOGGER = """
import sys, runstore
who, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
run = runstore.init(project="p", settings=runstore.Settings(console="off", x_disable_stats=True))
print("ready", flush=True)
sys.stdin.readline()
for k in range(count):
    if k == 1:
        sys.stdin.readline()
    artifact = runstore.Artifact("model", "model")
    for name in ("a", "b"):
        with artifact.new_file(name) as file:
            file.write(f"{who} {k} {name} " * size)
    run.log_artifact(artifact, aliases=[f"{who}-{k}"])
    print(artifact.wait().version, flush=True)
run.finish()
"""


def started(who: str, count: int, folder: Path, size: int = 1, home: str = "home") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LOGGER, who, str(count), str(size)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        env={**os.environ, **environment(folder, home)},
    )


def let_go(processes: Sequence[subprocess.Popen[str]], lines: str = "go\ngo\n") -> None:
    """Have all of them log at once: each has begun its run before any may go on."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        tell(process, lines)


def tell(process: subprocess.Popen[str], lines: str) -> None:
    assert process.stdin is not None
    process.stdin.write(lines)
    process.stdin.flush()


def environment(folder: Path, home: str) -> Mapping[str, str]:
    return {"RUNSTORE_HOME": str(folder / home), "WANDB_DIR": str(folder), "WANDB_SILENT": "true"}


def all_versions(folder: Path, home: str = "home") -> list[Version]:
    with closing(Indexer(folder / home / "index.db")) as indexer:
        indexer.catch_up_below(folder / "wandb")
        return Registry(indexer).versions(HERE)[::-1]


def check_bytes(folder: Path, versions: list[Version]) -> None:
    with closing(Indexer(folder / "home" / "index.db")) as indexer:
        registry = Registry(indexer)
        for version in versions:
            entries = registry.entries(version)
            assert [entry.path for entry in entries] == ["a", "b"]
            for entry in entries:
                blob = version.path.parent / "blobs" / Path(entry.local_path).name
                assert blob.stat().st_size == entry.size, (version.name, entry.path)


def test_two_processes_that_log_one_name_at_once_get_numbers_without_gaps_or_doubles(tmp_path: Path) -> None:
    processes = [started(who, EACH, tmp_path) for who in ("x", "y")]
    let_go(processes, "go\n")
    first = [process.stdout.readline().strip() for process in processes if process.stdout is not None]
    assert sorted(first) == ["v0", "v1"]  # and none of them has logged its second one
    for process in processes:
        tell(process, "go\n")
    said = [[name, *process.communicate()[0].split()] for name, process in zip(first, processes, strict=True)]
    assert sorted(int(name[1:]) for names in said for name in names) == list(range(2 * EACH))
    versions = all_versions(tmp_path)
    assert [version.number for version in versions] == list(range(2 * EACH))
    check_bytes(tmp_path, versions)
    index = tmp_path / "home" / "index.db"
    with closing(Indexer(index)) as indexer:
        for who, names in zip("xy", said, strict=True):
            for k, name in enumerate(names):
                found = Registry(indexer).find(parse_artifact_name(f"model:{who}-{k}"), entity="", project="p")
                assert f"v{found.number}" == name
    before = dump(index)
    rebuild(index)
    assert dump(index) == before


def test_many_short_processes_at_once_get_numbers_without_gaps_or_doubles(tmp_path: Path) -> None:
    processes = [started(f"s{k}", 1, tmp_path) for k in range(6)]
    let_go(processes)
    said = [process.communicate()[0].strip() for process in processes]
    assert sorted(said) == [f"v{number}" for number in range(6)]
    assert [version.number for version in all_versions(tmp_path)] == list(range(6))


def test_nodes_that_share_a_folder_and_no_lock_agree_on_the_numbers(tmp_path: Path) -> None:
    homes = ("node-a", "node-b")
    processes = [started(home, EACH_NODE, tmp_path, home=home) for home in homes]
    let_go(processes)
    for process in processes:
        process.communicate()
    seen = [[(version.number, version.client_id) for version in all_versions(tmp_path, home)] for home in homes]
    assert seen[0] == seen[1]
    assert [number for number, _ in seen[0]] == list(range(2 * EACH_NODE))


def test_a_process_that_is_killed_while_it_logs_leaves_no_version_without_its_bytes(tmp_path: Path) -> None:
    source, logged = random.Random(5), set[int]()
    for attempt in range(KILLS // 3):
        trio = [started(f"k{attempt}-{one}", 1000, tmp_path, size=20_000) for one in range(3)]
        let_go(trio)
        for process in trio:
            assert process.stdout is not None
            for _ in range(source.randrange(3)):
                logged.add(int(process.stdout.readline()[1:]))
            signal.sigtimedwait([], source.random() * 0.05)  # any moment of what it does now
            process.kill()
            logged |= {int(name[1:]) for name in process.communicate()[0].split("\n")[:-1]}
    versions = all_versions(tmp_path)
    numbers = [version.number for version in versions]
    assert numbers == list(range(len(numbers)))
    assert logged <= set(numbers)
    check_bytes(tmp_path, versions)
    index = tmp_path / "home" / "index.db"
    before = dump(index)
    rebuild(index)
    assert dump(index) == before

"""`runstore artifact`: what is put can be listed, shown, checked and got again."""

from __future__ import annotations

import csv
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_json_documented import documented, fields
from tests.commands import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return with_two_versions(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The same for tests that change nothing of it."""
    bench = with_two_versions(tmp_path_factory.mktemp("shared"))
    bench.runstore("artifact", "list")  # puts the second version into the index
    return bench


def with_two_versions(folder: Path) -> Bench:
    """Return a folder with two versions of a data set, the first of them called clean, and nothing else logged."""
    bench = Bench(folder)
    data = folder / "data"
    (data / "sub").mkdir(parents=True)
    (data / "a.txt").write_text("a")
    (data / "sub" / "b.txt").write_text("bb")
    said = ("--alias", "clean", "--tag", "good", "--metadata", '{"rows": 2}', "--description", "letters")
    bench.runstore("artifact", "put", "data", "--name", "demo/letters", *said)
    (data / "a.txt").write_text("changed")
    bench.runstore("artifact", "put", "data", "--name", "letters", "--project", "demo")
    return bench


def blob_of(bench: Bench, name: str, path: str) -> Path:
    entries = bench.json("artifact", "show", name, "--files")["entries"]
    return Path(next(entry["file"] for entry in entries if entry["path"] == path))


# put


def test_put_makes_versions_and_the_same_content_no_new_one(bench: Bench) -> None:
    again = bench.json("artifact", "put", "data", "--name", "demo/letters")
    assert (again["version"], again["files"], again["size"], again["aliases"]) == ("v1", 2, 9, ["latest"])
    (run, *_) = bench.json("runs", "list")
    assert (run["state"], run["job_type"], run["project"]) == ("finished", "artifact", "demo")


def test_several_paths_are_kept_each_under_its_own_name(bench: Bench) -> None:
    (bench.folder / "one.txt").write_text("1")
    uri = "s3://bucket/far"
    put = bench.json("artifact", "put", "data", "one.txt", uri, "--name", "all", "--type", "model", "--no-checksum")
    assert (put["type"], put["files"]) == ("model", 4)
    entries = bench.json("artifact", "show", "all", "--files")["entries"]
    assert [entry["path"] for entry in entries] == ["data/a.txt", "data/sub/b.txt", "far", "one.txt"]


def test_metadata_may_be_in_a_file(bench: Bench) -> None:
    (bench.folder / "facts.json").write_text('{"classes": ["a", "b"]}')
    bench.runstore("artifact", "put", "data", "--name", "x", "--metadata", "@facts.json")
    assert bench.json("artifact", "show", "x")["metadata"] == {"classes": ["a", "b"]}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nope", "--name", "x"], 3, "nope: there is no such file"),
        (["data", "--name", "a b"], 2, "'a b' is not"),
        (["data", "--name", "x:v3"], 2, "without a version"),
        (["data", "--name", "x", "--metadata", "{"], 2, "no JSON"),
        (["data", "--name", "x", "--metadata", "[1]"], 2, "an object is needed"),
        (["data", "--name", "x", "--metadata", "@nope"], 3, "nope can't be read"),
        (["data", "--name", "x", "--alias", "v3"], 2, "versions have numbers of their own"),
        (["data", "--name", "x", "--alias", "a/b"], 2, "neither"),
        (["data", "--name", "x", "--tag", "!"], 2, "a tag is made of"),
        ([".", "--name", "x"], 2, "set WANDB_DIR"),
    ],
)
def test_put_refuses_what_can_not_be_and_begins_no_run(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "data").mkdir()
    assert said in Bench(tmp_path).sentence("artifact", "put", *arguments, code=code)
    assert not (tmp_path / "wandb").exists()


# list and show


def test_list_shows_collections_with_their_newest_version(shared: Bench) -> None:
    header, line = shared.runstore("artifact", "list").stdout.splitlines()
    assert header.split() == ["NAME", "TYPE", "VERSIONS", "NEWEST", "ALIASES", "FILES", "SIZE", "AGE"]
    assert line.split() == ["demo/letters", "dataset", "2", "v1", "latest", "2", "9", "B", "now"]
    (found,) = shared.json("artifact", "list", "demo")
    assert (found["name"], found["versions"], found["version"]) == ("demo/letters", 2, "v1")
    assert shared.json("artifact", "list", "--type", "model") == []
    assert set(fields([found])) <= documented("artifact list")


@pytest.mark.parametrize("name", ["letters", "demo/letters"])
def test_list_of_a_name_shows_its_versions(shared: Bench, name: str) -> None:
    found = shared.json("artifact", "list", name)
    assert [(each["name"], each["aliases"]) for each in found] == [
        ("demo/letters:v1", ["latest"]),
        ("demo/letters:v0", ["clean"]),
    ]
    assert set(fields(found)) <= documented("artifact list")
    rows = list(csv.DictReader(io.StringIO(shared.runstore("artifact", "list", name, "--csv").stdout)))
    assert [row["version"] for row in rows] == ["v1", "v0"]
    assert shared.runstore("artifact", "list", name).stdout.count("\n") == 3


def test_show_tells_what_is_known_and_where_the_bytes_are(bench: Bench) -> None:
    found = bench.json("artifact", "show", "letters:clean", "--files")
    assert (found["description"], found["metadata"], found["tags"]) == ("letters", {"rows": 2}, ["good"])
    assert found["bytes"] == {"here": {"count": 2, "bytes": 3}}
    assert set(fields(found)) - {"rows"} <= documented("artifact show", "artifact list")
    said = bench.runstore("artifact", "show", "letters:clean", "--files").stdout
    assert "demo/letters:v0" in said
    assert "sub/b.txt" in said
    blob_of(bench, "letters:v0", "a.txt").unlink()
    assert bench.json("artifact", "show", "letters:v0")["bytes"]["lost"] == {"count": 1, "bytes": 1}
    assert "LOST:          1 file, 1 B" in bench.runstore("artifact", "show", "letters:v0").stdout


def test_a_name_that_several_projects_have_needs_the_project(bench: Bench) -> None:
    bench.runstore("artifact", "put", "data", "--name", "other/letters")
    assert "demo/letters, other/letters" in bench.sentence("artifact", "show", "letters", code=2)
    assert bench.json("artifact", "show", "letters", WANDB_PROJECT="other")["project"] == "other"
    assert bench.json("artifact", "show", "other/letters")["project"] == "other"


@pytest.mark.parametrize("command", ["get", "show", "alias", "verify", "list", "graph"])
def test_a_name_that_is_not_there_is_exit_code_3_and_the_nearest_is_named(shared: Bench, command: str) -> None:
    assert "demo/letters" in shared.sentence("artifact", command, "leters", code=3)
    assert "'clean'" in shared.sentence("artifact", command, "letters:clena", code=3)
    shared.sentence("artifact", command, "a:b:c", code=2)


# get


def test_get_copies_the_files_of_a_version(shared: Bench) -> None:
    shared.runstore("artifact", "get", "letters:clean")
    folder = shared.folder / "artifacts" / "letters:v0"
    assert (folder / "a.txt").read_text() == "a"
    assert (folder / "sub" / "b.txt").read_text() == "bb"
    got = shared.json("artifact", "get", "letters", "--to", "new", "--path", "sub/")
    assert got["paths"] == ["sub/b.txt"]
    assert [path.name for path in (shared.folder / "new").rglob("*")] == ["sub", "b.txt"]
    assert set(fields(got)) <= documented("artifact get")
    assert "begins with 'zz'" in shared.sentence("artifact", "get", "letters", "--path", "zz", code=3)


def test_get_of_lost_bytes_names_the_file(bench: Bench) -> None:
    blob_of(bench, "letters:v0", "a.txt").unlink()
    assert "the bytes of a.txt are gone" in bench.sentence("artifact", "get", "letters:v0", code=3)


# verify


def test_verify_reads_all_bytes_and_names_what_is_wrong(bench: Bench) -> None:
    assert bench.runstore("artifact", "verify").stdout.count("intact") == 2
    damaged, lost = blob_of(bench, "letters:v0", "a.txt"), blob_of(bench, "letters:v1", "a.txt")
    damaged.chmod(0o644)
    damaged.write_text("b")
    lost.unlink()
    found = bench.json("artifact", "verify", code=1)
    wrong = {each["name"]: [(one["path"], one["state"]) for one in each["wrong"]] for each in found}
    assert wrong == {"demo/letters:v1": [("a.txt", "lost")], "demo/letters:v0": [("a.txt", "damaged")]}
    assert set(fields(found)) <= documented("artifact verify")
    said = bench.runstore("artifact", "verify", "letters:v0", code=1).stdout
    assert str(damaged) in said
    assert "letters:v1" not in said


def test_what_only_a_hub_has_is_told_and_is_got_from_there(bench: Bench) -> None:
    with bench.hub():
        bench.runstore("sync")
        blob = blob_of(bench, "letters:v1", "a.txt")
        blob.unlink()
        assert bench.json("artifact", "show", "letters:v1")["bytes"]["hub"] == {"count": 1, "bytes": 7}
        (found,) = bench.json("artifact", "verify", "letters:v1")
        assert found["bytes"]["hub"]["count"] == 1
        bench.runstore("artifact", "get", "letters:v1", "--to", "new")
        assert (bench.folder / "new" / "a.txt").read_text() == "changed"
        blob_of(bench, "letters:v1", "a.txt").unlink()  # the copy that was kept
    (found,) = bench.json("artifact", "verify", "letters:v1", code=1)
    assert "no answer" in found["wrong"][0]["note"]


# alias


def test_alias_moves_names_between_versions(bench: Bench) -> None:
    moved = bench.json("artifact", "alias", "letters:v1", "--add", "clean", "--add", "best")
    assert (moved["name"], moved["aliases"]) == ("demo/letters:v1", ["best", "clean", "latest"])
    assert set(moved) <= documented("artifact alias")
    assert bench.json("artifact", "show", "letters:clean")["version"] == "v1"
    assert bench.json("artifact", "list", "letters")[1]["aliases"] == []
    assert bench.json("artifact", "alias", "letters:best", "--remove", "best", "--remove", "never")["aliases"] == [
        "clean",
        "latest",
    ]
    bench.runstore("index", "rebuild")
    assert bench.json("artifact", "show", "letters:clean")["version"] == "v1"
    assert "versions have numbers" in bench.sentence("artifact", "alias", "letters:v0", "--add", "v7", code=2)


# Completion.


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("let", ["letters"]),
        ("demo/le", ["demo/letters"]),
        ("x/le", []),
        ("letters:", ["letters:clean", "letters:latest", "letters:v0", "letters:v1"]),
        ("demo/letters:c", ["demo/letters:clean"]),
    ],
)
def test_names_versions_and_aliases_are_completed(
    shared: Bench, monkeypatch: pytest.MonkeyPatch, typed: str, expected: list[str]
) -> None:
    from runstore.query.completing import artifacts_beginning

    monkeypatch.setenv("RUNSTORE_HOME", shared.environment["RUNSTORE_HOME"])
    assert sorted(name for name, _ in artifacts_beginning(typed)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("runstore artifact show let", ["letters"]),
        ("runstore artifact show letters:", ["clean", "latest", "v0", "v1"]),
        ("runstore artifact show demo/letters:c", ["clean"]),
        ('runstore artifact show "letters:c', ["letters:clean"]),
        ("runstore runs list --filter state:run", ["running"]),
    ],
)
def test_bash_completes_behind_a_colon_what_it_takes_for_a_word(shared: Bench, line: str, expected: list[str]) -> None:
    command = shared.folder / "bin" / "runstore"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m runstore "$@"\n')
    command.chmod(0o755)
    script = shared.runstore("completion", "bash").stdout
    asked = f"COMP_LINE={shlex.quote(line)}; COMP_POINT={len(line)}; _runstore_completion runstore"
    done = subprocess.run(
        ["bash", "--norc", "-c", f'{script}\n{asked}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'],
        env={**shared.environment, "PATH": f"{command.parent}:{os.environ['PATH']}"},
        cwd=shared.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(done.stdout.split()) == expected, done.stderr

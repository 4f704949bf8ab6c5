"""`runstore bundle`, as a person at either end calls it."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import tarfile
from pathlib import Path

import pytest
import zstandard

from tests.cli.test_json_documented import documented, fields
from tests.commands import ONE_RUN, Bench

BUNDLES = (Path(__file__).parents[2] / "docs" / "bundles.md").read_text(encoding="utf-8")


@pytest.fixture
def inside(tmp_path: Path) -> Bench:
    """Where a run was recorded."""
    (tmp_path / "inside").mkdir()
    bench = Bench(tmp_path / "inside")
    done = bench.train(ONE_RUN)
    assert done.returncode == 0, done.stderr
    return bench


@pytest.fixture
def outside(tmp_path: Path) -> Bench:
    (tmp_path / "outside").mkdir()
    return Bench(tmp_path / "outside")


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


def the(stick: Path, pattern: str) -> str:
    (found,) = stick.glob(pattern)
    return str(found)


def test_a_run_goes_out_and_its_receipt_comes_back(inside: Bench, outside: Bench, stick: Path) -> None:
    inside.runstore("bundle", "keygen", "cluster")
    outside.runstore("bundle", "keygen", "lab")
    said = inside.runstore(
        *("bundle", "create", "project:demo", "--to", str(stick), "--sign", "cluster.key"),
        *("--recipient", str(outside.folder / "lab.pub")),
    ).stdout
    assert "1 runs" in said
    part, trust = the(stick, "*.sealed"), str(inside.folder / "cluster.pub")
    key = ("--key", "lab.key")
    assert "intact, signed by cluster" in outside.runstore("bundle", "verify", part, "--trust", trust, *key).stdout
    said = outside.runstore("bundle", "import", part, "--trust", trust, *key, "--sign", "lab.key").stdout
    assert "1 of 1 runs are in wandb" in said
    assert outside.json("runs", "list") == inside.json("runs", "list")
    assert outside.json("runs", "history", "one") == inside.json("runs", "history", "one")
    receipt, lab = the(stick, "*.receipt.json"), str(outside.folder / "lab.pub")
    assert "1 of 1 runs are delivered" in inside.runstore("bundle", "receipt", receipt, "--trust", lab).stdout
    standing = inside.json("status")
    assert [target["name"] for target in standing["targets"]] == [f"bundle:{Path(receipt).name.split('-')[2][:8]}"]
    assert standing["is_settled"]
    assert "nothing to carry" in inside.runstore("bundle", "create", "--to", str(stick), "--since-receipt").stdout
    inside.runstore("runs", "delete", "one", "--yes")
    assert not list((inside.folder / "wandb").iterdir())


def test_what_was_not_proven_is_not_deleted(inside: Bench, outside: Bench, stick: Path) -> None:
    inside.runstore("bundle", "create", "--to", str(stick))
    outside.runstore("bundle", "import", the(stick, "*.zst"))
    assert "is not delivered" in inside.sentence("runs", "delete", "one", "--yes", code=1)
    assert inside.json("status")["targets"] == []
    receipt = Path(the(stick, "*.receipt.json"))
    receipt.write_text(receipt.read_text().replace('"size":', '"size":1'))
    inside.runstore("bundle", "receipt", str(receipt), code=1)
    assert "is not delivered" in inside.sentence("runs", "delete", "one", "--yes", code=1)


def test_a_run_that_has_grown_waits_for_the_next_bundle(inside: Bench, outside: Bench, stick: Path) -> None:
    with inside.live_run() as log:
        for n in range(3):
            log(n)
        inside.runstore("bundle", "create", "live", "--to", str(stick))
        outside.runstore("bundle", "import", the(stick, "*.zst"))
        inside.runstore("bundle", "receipt", the(stick, "*.receipt.json"))
        log(3)
        log(4)
        (run,) = [run for run in inside.json("status", code=1)["runs"] if run["run"] == "demo/live"]
        (target,) = run["targets"]
        assert target["state"] == "waiting"
        assert target["delivered_records"] > 0
        (stick / "second").mkdir()
        inside.runstore("bundle", "create", "live", "--to", str(stick / "second"), "--since-receipt")
        second = the(stick / "second", "*.zst")
        (about,) = inside.json("bundle", "inspect", second)
        assert about["runs"][0]["logs"][0]["start"] > 0
        assert about["previous"]
        outside.runstore("bundle", "import", second)
    assert [row["n"] for row in outside.json("runs", "history", "live")] == [0, 1, 2, 3, 4]


def test_a_dry_run_writes_nothing_and_lists_what_would_leave(inside: Bench, stick: Path) -> None:
    said = inside.runstore("bundle", "create", "--to", str(stick), "--dry-run", "--list").stdout
    assert "it would hold 1 runs" in said
    assert "nothing was written" in said
    assert [line.split()[0] for line in said.splitlines()[1:-1]] == ["log", *["file"] * (len(said.splitlines()) - 3)]
    assert "demo/one: " in said
    assert not list(stick.iterdir())


def test_stock_tar_lists_a_part(inside: Bench, stick: Path) -> None:
    inside.runstore("bundle", "create", "--to", str(stick))
    part = the(stick, "*.zst")
    listed = subprocess.run(["tar", "--zstd", "-tf", part], capture_output=True, text=True, check=True).stdout
    assert listed.splitlines()[-1] == "manifest.json"
    with zstandard.open(part, "rb") as stream:
        data = stream.read()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames()


def test_what_is_wrong_is_said_in_a_sentence(inside: Bench, outside: Bench, stick: Path) -> None:
    inside.sentence("bundle", "create", "nothing", "--to", str(stick), code=3)
    inside.sentence("bundle", "create", "--to", str(stick / "gone" / "a"), code=2)
    inside.sentence("bundle", "create", "--to", str(stick), "--split", "1k", code=2)
    inside.sentence("bundle", "create", "--to", str(stick), "--sign", "none.key", code=3)
    inside.sentence("bundle", "create", "--to", str(stick), "--for", "abc", code=2)
    assert "is no size" in inside.runstore("bundle", "create", "--to", str(stick), "--split", "many", code=2).stderr
    (stick / "text").write_text("text")
    for command in ("inspect", "verify", "import", "receipt"):
        for name in ("text", "none"):
            done = outside.command("bundle", command, str(stick / name))
            assert done.returncode in (1, 3)
            assert name in done.stdout + done.stderr
    inside.sentence("bundle", "decrypt", str(stick / "text"), "--key", "none.key", "--to", "x", code=3)


def test_names_tell_the_terminal_nothing(inside: Bench, outside: Bench, stick: Path) -> None:
    inside.train(ONE_RUN.replace('project="demo"', 'project="\\x1b[2Jdemo"').replace('id="one"', 'id="two"'))
    inside.runstore("bundle", "create", "--to", str(stick), "--split", "1G")
    part = the(stick, "*.zst")
    for done in (outside.runstore("bundle", "inspect", part), outside.runstore("bundle", "import", part)):
        assert "\x1b" not in done.stdout + done.stderr


def test_the_json_is_documented(inside: Bench, outside: Bench, stick: Path) -> None:
    created = inside.json("bundle", "create", "--to", str(stick))
    (part,) = created["parts"]
    printed = {
        "bundle create": created,
        "bundle inspect": inside.json("bundle", "inspect", part),
        "bundle verify": inside.json("bundle", "verify", part),
        "bundle import": outside.json("bundle", "import", part),
    }
    printed["bundle receipt"] = inside.json("bundle", "receipt", the(stick, "*.receipt.json"))
    inspected = set(fields(printed["bundle inspect"])) | {"log_id", "path", "start", "end", "records", "size", "sha256"}
    for command, value in printed.items():
        names = set(fields(value))
        if command == "bundle create":
            names -= inspected - documented(command)
        assert names <= documented(command), command


def test_the_walk_of_the_document_runs(inside: Bench, outside: Bench, stick: Path) -> None:
    session = re.search(r"```console\n(.+?)```", BUNDLES, re.DOTALL)
    assert session is not None
    steps = re.findall(r"(inside|outside)\$ runstore (.+)\n((?:(?!inside\$|outside\$).*\n)*)", session[1])
    assert len(steps) == 7
    for where, command, expected in steps:
        bench = inside if where == "inside" else outside
        words = [found for word in shlex.split(command) for found in _globbed(word.replace("/media/stick", str(stick)))]
        said = bench.runstore(*words).stdout.replace(str(stick), "/media/stick")
        assert _masked(said) == _masked(expected)
        for key in (*inside.folder.glob("*.pub"), *outside.folder.glob("*.pub")):  # given to the other side
            for other in (inside, outside):
                (other.folder / key.name).write_bytes(key.read_bytes())


def _globbed(word: str) -> list[str]:
    return [str(path) for path in Path(word).parent.glob(Path(word).name)] if "*" in word else [word]


def _masked(text: str) -> str:
    """Return a text without what differs from run to run: ids and amounts."""
    return re.sub(r"[0-9a-f]{8,}|\d[\d.,]* k?B", "#", text)

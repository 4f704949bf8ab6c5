"""Redacted bundles: what must not leave is nowhere in them, what may is the same, and the originals are untouched."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from runstore.errors import UsageError
from runstore.query.api import Api
from runstore.runlog import codec
from runstore.runlog.framing import BLOCK_BYTES
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import Record
from runstore.runlog.verify import verify
from runstore.syncd.bundles.creating import create
from runstore.syncd.bundles.derived.leftovers import ALLOW, OMIT, StillThere
from runstore.syncd.bundles.derived.making import derive, scratch_folder
from runstore.syncd.bundles.derived.redaction import KINDS, Redaction
from runstore.syncd.bundles.gathering import Gathered, gather
from runstore.syncd.bundles.importing import Import
from runstore.syncd.bundles.opening import Trust
from tests.index.writing import exit_record, mixed_bodies, write, write_log
from tests.syncd.bundles.secretive import HOST, TOKEN, USER, WORDS, all_ready, header, record, secretive_run

EVERYTHING = Redaction.of((*KINDS, "config.secret.token"), without_media=True)


@pytest.fixture
def scratch() -> Iterator[Path]:
    with scratch_folder() as folder:
        yield folder


def derived(folder: Path, redaction: Redaction, scratch: Path) -> Gathered:
    return derive(all_ready(folder / "wandb", folder / "index.db"), redaction, scratch)


def everything_in(gathered: Gathered, folder: Path) -> bytes:
    """Return all bytes of a bundle as whoever opens it sees them, lists of artifacts unpacked."""
    created = create(gathered, folder)
    found = b""
    for part in created.parts:
        with part.open("rb") as file:
            found += zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    for source in gathered.sources.values():
        data = source.path.read_bytes()
        found += gzip.decompress(data) if data.startswith(b"\x1f\x8b") else b""
    return found


def records_of(log: Path) -> list[Record]:
    decoded = [codec.decode(framed.payload) for framed in LogReader(log)]
    return [one for one in decoded if one is not None]


def the_log(gathered: Gathered) -> Path:
    (log,) = gathered.logs.values()
    return log


def api_of(folder: Path, index: Path) -> Api:
    api = Api(index, refresh=False)
    assert api.catch_up_below(folder) == []
    return api


def imported(gathered: Gathered, tmp_path: Path, name: str = "outside") -> Path:
    (tmp_path / "stick").mkdir(exist_ok=True)
    into = tmp_path / name / "wandb"
    into.mkdir(parents=True, exist_ok=True)
    with Import(into, Trust()) as importing:
        importing.take(create(gathered, tmp_path / "stick").parts)
        (one,) = importing.bundles.values()
        assert not importing.errors
        assert (one.waiting, one.refused) == ({}, {})
    return into


def test_nothing_that_is_redacted_is_left_anywhere(tmp_path: Path, scratch: Path) -> None:
    secretive_run(tmp_path)
    gathered = derived(tmp_path, EVERYTHING, scratch)
    found = everything_in(gathered, tmp_path).lower()
    left = [word for word in itertools.chain(*WORDS.values()) if word.lower().encode() in found]
    assert left == []
    assert gathered.notes == []
    assert gathered.content.partial == (
        "without media; without code, console, env, git, host, user, config.secret.token"
    )


@pytest.mark.parametrize("kind", ["host", "user"])
def test_what_a_scheduler_says_of_nodes_and_owners_stays_here(kind: str, tmp_path: Path, scratch: Path) -> None:
    secretive_run(tmp_path)
    assert b"gpu[17-18]" not in everything_in(derived(tmp_path, Redaction.of((kind,)), scratch), tmp_path)


@pytest.mark.parametrize("kind", ["host", "user", "git", "console", "code"])
def test_each_kind_by_itself_takes_its_own_words_and_leaves_the_rest(kind: str, tmp_path: Path, scratch: Path) -> None:
    secretive_run(tmp_path)
    found = everything_in(derived(tmp_path, Redaction.of((kind,)), scratch), tmp_path).lower()
    for other, words in WORDS.items():
        is_there = [word.lower().encode() in found for word in words]
        assert any(is_there) == (other != kind), other
        assert not (other == kind and any(is_there))


def test_words_stand_for_themselves_alone_in_any_case_and_however_they_are_escaped(
    tmp_path: Path, scratch: Path
) -> None:
    run = tmp_path / "wandb" / "offline-run-20240101_000000-r1"
    run.mkdir(parents=True)
    notes = "Jörg and JÖRG, not jörgensen; ask jörg@home"
    about = {"run_id": "r1", "project": "p", "notes": notes, "display_name": "a-jörg-b"}
    escaped = {"update": [{"key": "who", "value_json": '{"name": "J\\u00f6rg", "of jörg": [1, "x/jörg/y"]}'}]}
    bodies = [header(), record(run=about), record(environment={"username": "jörg"}), record(config=escaped)]
    write(run / "run-r1.wandb", [*bodies, record(exit={"exit_code": 0})])
    records = records_of(the_log(derived(tmp_path, Redaction.of(("user",)), scratch)))
    assert records[1].run.notes == "redacted-user and redacted-user, not jörgensen; ask redacted-user@home"
    assert records[1].run.display_name == "a-redacted-user-b"
    said = json.loads(records[3].config.update[0].value_json)
    assert said == {"name": "redacted-user", "of redacted-user": [1, "x/redacted-user/y"]}


def test_the_derived_log_names_its_original_and_has_an_id_of_its_own(tmp_path: Path, scratch: Path) -> None:
    log = secretive_run(tmp_path)
    (original,) = all_ready(tmp_path / "wandb", tmp_path / "index.db")
    gathered = derived(tmp_path, EVERYTHING, scratch)
    first, *others = records_of(the_log(gathered))
    assert (first.header.derived.log_id, first.header.derived.size) == (original.log_id, log.stat().st_size)
    assert list(first.header.derived.left_out) == EVERYTHING.names
    assert not any(one.HasField("header") for one in others)
    ((carried,),) = [run.logs for run in gathered.runs]
    assert carried.log_id != original.log_id
    hosts = derive([original], Redaction.of(("host",)), scratch / "again")
    assert len({carried.log_id, *hosts.logs, original.log_id}) == 3  # what else is left out is another log


def test_a_log_without_a_header_gets_one(tmp_path: Path, scratch: Path) -> None:
    run = tmp_path / "wandb" / "offline-run-20240101_000000-r1"
    run.mkdir(parents=True)
    about = record(run={"run_id": "r1", "project": "p", "host": HOST})
    write(run / "run-r1.wandb", [about, record(exit={"exit_code": 0})])
    records = records_of(the_log(derived(tmp_path, Redaction.of(("host",)), scratch)))
    assert [one.WhichOneof("record_type") for one in records] == ["header", "run", "exit"]
    assert [one.num for one in records] == [1, 2, 3]
    assert records[0].header.derived.left_out == ["host"]


def test_numbers_have_no_gaps_where_something_was_left_out(tmp_path: Path, scratch: Path) -> None:
    secretive_run(tmp_path)
    log = the_log(derived(tmp_path, EVERYTHING, scratch))
    verdict = verify(log)
    assert (verdict.missing, verdict.damaged_bytes) == (0, 0)
    assert [one.num for one in records_of(log)] == list(range(1, verdict.records + 1))


def test_the_same_redaction_gives_the_same_bytes_and_the_originals_stay(tmp_path: Path, scratch: Path) -> None:
    log = secretive_run(tmp_path)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in log.parent.rglob("*") if path.is_file()}
    ready = all_ready(tmp_path / "wandb", tmp_path / "index.db")
    once, twice = (derive(ready, EVERYTHING, scratch / name) for name in ("a", "b"))
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (first,), (second,) = create(once, tmp_path / "one").parts, create(twice, tmp_path / "two").parts
    assert first.read_bytes() == second.read_bytes()
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in log.parent.rglob("*") if path.is_file()}
    assert before == after


def test_outside_the_metrics_are_the_same_and_the_rest_is_gone(tmp_path: Path, scratch: Path) -> None:
    secretive_run(tmp_path)
    into = imported(derived(tmp_path, EVERYTHING, scratch), tmp_path)
    inside, outside = api_of(tmp_path / "wandb", tmp_path / "in.db"), api_of(into, tmp_path / "out.db")
    (here,), (there,) = inside.runs(), outside.runs()
    assert there.path == ["redacted-user", "p", "r1"]
    for key in ("loss", "acc"):
        assert list(there.scan_history([key])) == list(here.scan_history([key]))
    assert there.config == {
        "lr": 0.1,
        "data": "/home/redacted-user/project/d",
        "secret": {"token": "redacted", "open": 1},
    }
    names = {path.relative_to(into).as_posix() for path in into.rglob("*") if path.is_file()}
    run = "offline-run-20240101_000000-r1"
    assert {name for name in names if "/files/" in name} == {f"{run}/files/kept.txt"}
    assert len([name for name in names if "/blobs/" in name]) == 3  # two models, and the list of one of them
    inside.close()
    outside.close()


def test_without_media_alone_records_stay_as_they_are(tmp_path: Path, scratch: Path) -> None:
    log = secretive_run(tmp_path)
    gathered = derived(tmp_path, Redaction.of((), without_media=True), scratch)
    ((carried,),) = [run.logs for run in gathered.runs]
    assert not any(file.path.startswith("media/") for file in carried.files)
    assert {"wandb-metadata.json", "output.log", "code/t.py"} <= {file.path for file in carried.files}
    kept = [(one.WhichOneof("record_type"), str(one)) for one in records_of(the_log(gathered))]
    were = [(one.WhichOneof("record_type"), str(one)) for one in records_of(log)]
    assert [now[0] for now, was in zip(kept, were, strict=True) if now != was] == ["header", "files"]


def test_a_run_that_is_still_recorded_is_refused(tmp_path: Path, scratch: Path) -> None:
    log = secretive_run(tmp_path, has_ended=False)
    with pytest.raises(UsageError, match="still recorded"):
        derived(tmp_path, EVERYTHING, scratch)
    long_ago = time.time() - 86_400
    os.utime(log, (long_ago, long_ago))  # its process was killed: there will be no more of it
    assert derived(tmp_path, EVERYTHING, scratch).runs


def test_an_id_that_is_made_of_what_must_not_leave_is_refused(tmp_path: Path, scratch: Path) -> None:
    secretive_run(tmp_path, f"{USER}-1")
    with pytest.raises(UsageError, match="the id of the run"):
        derived(tmp_path, Redaction.of(("user",)), scratch)


def with_leftovers(tmp_path: Path) -> Path:
    """Record a run with files, and an artifact, in which stands what is to be redacted; return its directory."""
    run = secretive_run(tmp_path).parent
    (run / "files" / "mine.txt").write_text(f"made on {HOST}")
    (run / "files" / "other.txt").write_text(f"the token is {TOKEN}")
    (run / "blobs" / "of-nothing").write_bytes(bytes(3 << 20) + USER.encode())
    return run


def test_what_is_left_in_files_of_the_user_is_refused(tmp_path: Path, scratch: Path) -> None:
    with_leftovers(tmp_path)
    with pytest.raises(StillThere) as refused:
        derived(tmp_path, EVERYTHING, scratch)
    said = str(refused.value)
    assert "\n" not in said
    for told in (
        "mine.txt: still holds 'gpu17.cluster.example.org'",
        f"other.txt: still holds {TOKEN!r}",
        "of-nothing",
    ):
        assert told in said
    assert "--if-found" in said


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b"x" * 3_000_000 + f" {USER} ".encode()),
        gzip.compress(b"x" * 3_000_000 + f" {USER} ".encode())[:-4],
        f"by {USER}".encode("utf-16"),
        b"\x1f\x8b" + USER.encode(),
        b"\xff\xfeodd" + f" {USER}".encode(),
    ],
)
def test_what_is_compressed_or_in_another_encoding_is_searched_too(data: bytes, tmp_path: Path, scratch: Path) -> None:
    run = secretive_run(tmp_path).parent
    (run / "files" / "mine").write_bytes(data)
    with pytest.raises(StillThere, match=f"files/mine: still holds '{USER}'"):
        derived(tmp_path, Redaction.of(("user",)), scratch)


def test_what_is_left_in_files_of_the_user_is_left_out(tmp_path: Path, scratch: Path) -> None:
    run = with_leftovers(tmp_path)
    gathered = derive(all_ready(run.parent, tmp_path / "index.db"), EVERYTHING, scratch, if_found=OMIT)
    names = {file.path for one in gathered.runs for log in one.logs for file in log.files}
    assert "kept.txt" in names
    assert names.isdisjoint({"mine.txt", "other.txt", "of-nothing"})
    assert [Path(note.partition(":")[0]).name for note in sorted(gathered.notes)] == [
        "of-nothing", "mine.txt", "other.txt"
    ]  # fmt: skip
    assert all("was left out" in note for note in gathered.notes)
    found = everything_in(gathered, tmp_path)
    assert not [word for word in (HOST, TOKEN, USER) if word.encode() in found]


def test_what_is_left_in_files_of_the_user_is_told(tmp_path: Path, scratch: Path) -> None:
    run = with_leftovers(tmp_path)
    gathered = derive(all_ready(run.parent, tmp_path / "index.db"), EVERYTHING, scratch, if_found=ALLOW)
    assert len(gathered.notes) == 3
    assert all("still holds" in note for note in gathered.notes)
    assert HOST.encode() in everything_in(gathered, tmp_path)


def test_a_log_that_holds_such_a_word_is_not_left_out_by_itself(tmp_path: Path, scratch: Path) -> None:
    run = secretive_run(tmp_path).parent
    log = run.parent / "offline-run-20240101_000000-r2" / "run-r2.wandb"
    log.parent.mkdir()
    about = {"run_id": "r2", "project": "p", "notes": f"with {TOKEN}"}
    write(log, [header(), record(run=about), exit_record()])
    with pytest.raises(StillThere, match=r"what is made of .*run-r2.wandb: still holds .*leave these runs out"):
        derive(all_ready(run.parent, tmp_path / "index.db"), EVERYTHING, scratch, if_found=OMIT)


def test_a_word_that_a_log_has_in_its_numbers_alone_is_not_there(tmp_path: Path, scratch: Path) -> None:
    log = tmp_path / "wandb" / "offline-run-20240101_000000-r1" / "run-r1.wandb"
    log.parent.mkdir(parents=True)
    runtime = int.from_bytes(b"zq9z", "little")
    bodies = [header(), record(run={"run_id": "r1", "project": "p"}), record(environment={"username": "zq9z"})]
    write(log, [*bodies, record(exit={"exit_code": 0, "runtime": runtime}), record(history={"step": {"num": runtime}})])
    gathered = derived(tmp_path, Redaction.of(("user",)), scratch)
    assert gathered.notes == []
    assert [one.environment.username for one in records_of(the_log(gathered))][2] == ""


@pytest.mark.parametrize("name", ["lock", "runs", "offline-run-20240101_000000-r1"])
def test_runs_whose_directories_have_one_name_are_derived_beside_each_other(
    name: str, tmp_path: Path, scratch: Path
) -> None:
    for above in ("a", "b", "c"):
        log = tmp_path / "wandb" / above / name / "run-r1.wandb"
        log.parent.mkdir(parents=True)
        write(log, [header(), record(run={"run_id": "r1", "project": above}), exit_record()])
        (log.parent / "files").mkdir()
        (log.parent / "files" / "requirements.txt").write_text(f"on {HOST}")
    gathered = derived(tmp_path, Redaction.of(("host",)), scratch)
    found = {run.project: log for run in gathered.runs for log in run.logs}
    assert {project: log.folder for project, log in found.items()} == dict.fromkeys("abc", name)
    assert len({log.log_id for log in found.values()}) == 3
    assert HOST.encode() not in everything_in(gathered, tmp_path)


def test_an_address_in_the_place_of_a_digest_is_a_text(tmp_path: Path, scratch: Path) -> None:
    log = tmp_path / "wandb" / "offline-run-20240101_000000-r1" / "run-r1.wandb"
    log.parent.mkdir(parents=True)
    address = f"s3://{USER}-bucket/x"
    entry = {"path": "x", "digest": address, "ref": address}
    made = {
        "run_id": "r1", "project": "p", "type": "model", "name": "m", "digest": "d" * 32, "client_id": "c" * 128,
        "finalize": True, "manifest": {"version": 1, "contents": [entry]},
    }  # fmt: skip
    bodies = [header(), record(run={"run_id": "r1", "project": "p"}), record(artifact=made), exit_record()]
    write(log, [*bodies[:2], record(environment={"username": USER}), *bodies[2:]])
    records = records_of(the_log(derived(tmp_path, Redaction.of(("user",)), scratch)))
    (entry_made,) = next(one for one in records if one.HasField("artifact")).artifact.manifest.contents
    assert entry_made.digest == entry_made.ref == "s3://redacted-user-bucket/x"


def test_artifacts_of_what_leaves_are_whole_outside(tmp_path: Path, scratch: Path) -> None:
    secretive_run(tmp_path)
    into = imported(derived(tmp_path, EVERYTHING, scratch), tmp_path)
    api = api_of(into, tmp_path / "out.db")
    found = {one.name.partition(":")[0]: one for one in api.runs()[0].logged_artifacts()}
    assert sorted(found) == ["listed", "run-r1-table", "weights"]
    for name, data in (("weights", b"of a model"), ("listed", b"of another model")):
        folder = Path(found[name].download(tmp_path / f"got-{name}"))
        assert (folder / "weights.bin").read_bytes() == data
    api.close()


@pytest.mark.parametrize("seed", range(3))
def test_what_is_not_redacted_answers_as_before_whatever_a_log_holds(seed: int, tmp_path: Path, scratch: Path) -> None:
    log = write_log(tmp_path, [*mixed_bodies(seed, 400), exit_record()])
    if seed == 2:  # some records are lost, as after a power failure
        data = bytearray(log.read_bytes())
        data[BLOCK_BYTES // 2 : BLOCK_BYTES // 2 + 300] = bytes(300)
        log.write_bytes(data)
    redaction = Redaction.of(("config.there.is.none", "text:nowhere\\to\\be", "user", "host"))
    into = imported(derived(tmp_path, redaction, scratch), tmp_path)
    inside, outside = api_of(tmp_path / "wandb", tmp_path / "in.db"), api_of(into, tmp_path / "out.db")
    (here,), (there,) = inside.runs(), outside.runs()
    assert repr(list(there.scan_history())) == repr(list(here.scan_history()))
    assert repr(there.config) == repr(here.config)
    assert repr(dict(there.summary)) == repr(dict(here.summary))
    assert repr(there.console()) == repr(here.console())
    assert repr(there.system_metrics) == repr(here.system_metrics)
    inside.close()
    outside.close()


@pytest.mark.parametrize("pattern", ["hostname", "config.", "text:", "text:a", ""])
def test_a_pattern_that_means_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="can't be redacted"):
        Redaction.of((pattern,))


def test_one_form_of_a_run_is_not_mixed_with_another(tmp_path: Path, scratch: Path) -> None:
    secretive_run(tmp_path)
    ready = all_ready(tmp_path / "wandb", tmp_path / "index.db")
    redacted, whole = derive(ready, Redaction.of(("host",)), scratch), gather(ready)
    for name, (first, second) in {"a": (redacted, whole), "b": (whole, redacted)}.items():
        into = imported(first, tmp_path, name)
        with Import(into, Trust()) as importing:
            importing.take(create(second, tmp_path / "stick").parts)
            (one,) = importing.bundles.values()
        (why,) = one.refused.values()
        assert "another form" in why
        assert len(list(into.glob("*/run-r1.wandb"))) == 1


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    with scratch_folder() as folder:
        home = folder.parent
        (home / "derived-left").mkdir()
        (home / "derived-left" / "secret").write_text("x")
        with scratch_folder() as other:
            assert folder.is_dir()  # that of a process that is there
            assert not (home / "derived-left").exists()
    assert not other.exists()
    assert not folder.exists()

"""Bundles that somebody has damaged or forged: refused with a sentence, and nothing is written outside the folder."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runstore.errors import StorageError
from runstore.syncd.bundles import keys
from runstore.syncd.bundles import receipt as receipts
from runstore.syncd.bundles.creating import How
from runstore.syncd.bundles.keys import SecretKey
from runstore.syncd.bundles.manifest import WrongBundle
from runstore.syncd.bundles.opening import Trust
from runstore.syncd.bundles.verifying import Verification
from tests.syncd.bundles.forging import Part, entry, frame, joined
from tests.syncd.bundles.sites import Inside, Outside, StockRun, contents, finished_run

FILES = {"files/a.txt": b"a" * 1000, "blobs/noise": random.Random(1).randbytes(5000)}


@pytest.fixture
def part(inside: Inside) -> Path:
    finished_run(inside.runs, files=FILES)
    return inside.bundle().parts[0]


def refused(outside: Outside, path: Path, trust: Trust | None = None) -> str:
    """Import what is to be refused; return the sentence, nothing of it having been kept."""
    said = outside.refusal(path, trust)
    assert not contents(outside.runs)
    assert not outside.staged()
    assert "\n" not in said
    return said


def test_every_byte_counts(part: Path, outside: Outside, tmp_path: Path) -> None:
    whole, broken = part.read_bytes(), tmp_path / "broken.tar.zst"
    for at in random.Random(3).sample(range(len(whole)), 40):
        broken.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        bundles, errors, _ = outside.take([broken])
        found = contents(outside.runs)
        if found or not errors:  # a bit that says nothing: as the version of zstd's format in a frame's beginning
            assert found == contents(part.parents[1] / "wandb")
            assert not any(one.refused for one in bundles.values())
            outside = Outside(tmp_path / f"outside{at}")
            continue
        assert str(broken) in errors[broken]
        assert Verification(Trust()).take(broken).error


def test_a_file_that_was_cut_off_is_no_bundle(part: Path, outside: Outside, tmp_path: Path) -> None:
    whole, cut = part.read_bytes(), tmp_path / "cut.tar.zst"
    for size in (0, 10, 31, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:size])
        assert "it is no bundle" in refused(outside, cut)


def test_two_parts_behind_each_other_are_none(part: Path, outside: Outside, tmp_path: Path) -> None:
    (tmp_path / "both").write_bytes(part.read_bytes() * 2)
    assert "put together from several files" in refused(outside, tmp_path / "both")


SKIPPABLE = struct.pack("<II", 0x184D2A50, 6) + b"secret"


@pytest.mark.parametrize("hidden", [SKIPPABLE, frame(b""), b"\0"], ids=["skippable", "empty", "no frame"])
@pytest.mark.parametrize("where", range(4))
def test_nothing_hides_where_decompressors_do_not_look(
    where: int, hidden: bytes, part: Path, outside: Outside, tmp_path: Path
) -> None:
    whole = part.read_bytes()
    (start,) = struct.unpack("<Q", whole[-16:-8])
    content, manifest = whole[:start], whole[start:-32]
    forged = (
        joined(hidden + content, manifest),
        joined(content + hidden, manifest),
        joined(content, hidden + manifest),
        joined(content, manifest + hidden),
    )
    (tmp_path / "forged.tar.zst").write_bytes(forged[where])
    refused(outside, tmp_path / "forged.tar.zst")


def changed_bytes(part: Part) -> None:
    info, data = part.entries[-1]
    part.entries[-1] = info, data[:-1] + b"?"


def missing_entry(part: Part) -> None:
    del part.entries[0]


def extra_entry(part: Part) -> None:
    part.entries.append(entry("logs/extra", b"x"))


def doubled_entry(part: Part) -> None:
    part.entries.insert(1, part.entries[0])


def cut_entry(part: Part) -> None:
    _, data = part.entries.pop()
    part.entries.append(entry(_named(part, -1), data[:-600]))


def exchanged_entries(part: Part) -> None:
    part.entries.reverse()


def _named(part: Part, which: int) -> str:
    name: str = part.manifest["members"][which]["name"]
    return name


def _as(**more: object) -> Callable[[Part], None]:
    def change(part: Part) -> None:
        info, data = part.entries[0]
        part.entries[0] = entry(str(more.pop("name", info.name)), b"" if "type" in more else data, **more)

    return change


@pytest.mark.parametrize(
    "change",
    [
        changed_bytes,
        missing_entry,
        extra_entry,
        doubled_entry,
        cut_entry,
        exchanged_entries,
        _as(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        _as(type=tarfile.LNKTYPE, linkname="/etc/passwd"),
        _as(type=tarfile.CHRTYPE, devmajor=1, devminor=5),
        _as(type=tarfile.FIFOTYPE),
        _as(type=tarfile.DIRTYPE),
        _as(name="../outside"),
        _as(name="/outside"),
        _as(mode=0o4755),
        _as(uid=1),
    ],
)
def test_an_archive_that_is_not_what_its_manifest_says_is_refused(
    change: Callable[[Part], None], part: Path, outside: Outside, tmp_path: Path
) -> None:
    forged = Part.of(part)
    change(forged)
    path = forged.write(tmp_path / "forged.tar.zst")
    _, errors, _ = outside.take([path])
    assert str(path) in errors[path]
    # A run that was whole by then is taken: it is what the manifest says, whatever lies behind it.
    assert contents(outside.runs) == (contents(part.parents[1] / "wandb") if change is extra_entry else {})
    assert Verification(Trust()).take(path).error == errors[path]
    outside.take_all([part])  # and it stands in nobody's way
    assert contents(outside.runs) == contents(part.parents[1] / "wandb")


def _says(**more: object) -> Callable[[Part], None]:
    return lambda part: part.log.update(more)


def _file_says(**more: object) -> Callable[[Part], None]:
    return lambda part: part.log["files"][0].update(more)


def _manifest_says(**more: object) -> Callable[[Part], None]:
    return lambda part: part.manifest.update(more)


def _content_says(**more: object) -> Callable[[Part], None]:
    return lambda part: part.manifest["content"].update(more)


def member_twice(part: Part) -> None:
    part.manifest["members"].insert(0, part.manifest["members"][0])


def member_of_nothing(part: Part) -> None:
    part.manifest["members"].append({"name": f"logs/{'f' * 64}/0-10", "sha256": "0" * 64})


def member_too_long(part: Part) -> None:
    part.manifest["members"][-1]["name"] += "0"


def overlapping_members(part: Part) -> None:
    name = part.manifest["members"][-1]["name"]
    stem, _, end = name.rpartition("-")
    part.manifest["members"].append({"name": f"{stem.rpartition('/')[0]}/5-{end}", "sha256": "0" * 64})


def file_twice(part: Part) -> None:
    part.log["files"].append(part.log["files"][0])


def file_in_a_file(part: Part) -> None:
    part.log["files"].append({**part.log["files"][1], "path": f"{part.log['files'][1]['path']}/inside"})


def two_sizes(part: Part) -> None:
    part.log["files"].append({**part.log["files"][0], "path": "other", "size": 7})


def log_twice(part: Part) -> None:
    part.manifest["content"]["runs"][0]["logs"].append(part.log)


@pytest.mark.parametrize(
    "change",
    [
        _says(folder="../../outside"),
        _says(folder=".."),
        _says(folder=".hidden"),
        _says(folder="/etc"),
        _says(folder="a" * 256),
        _says(folder="a\0b"),
        _says(folder=7),
        _says(name="run-r1/../../x.wandb"),
        _says(name="authorized_keys"),
        _says(log_id="../x"),
        _says(log_id="A" * 64),
        _says(records=-1),
        _says(mark={"size": -1, "chain": "0" * 64, "open_digest": "0" * 64}),
        _says(mark={"size": (1 << 64) - 1, "chain": "0" * 64, "open_digest": "0" * 64}),
        _says(before={"size": 1 << 40, "chain": "0" * 64, "open_digest": "0" * 64}),
        _says(unknown=1),
        _file_says(path="../../../outside"),
        _file_says(path="/etc/passwd"),
        _file_says(path="a/./b"),
        _file_says(path="a//b"),
        _file_says(path="x" * 256),
        _file_says(path="x/" * 200 + "x"),
        _file_says(path=""),
        _file_says(folder="../files"),
        _file_says(size="many"),
        _file_says(size=True),
        _file_says(sha256="0"),
        _manifest_says(format=2),
        _manifest_says(format=None),
        _manifest_says(part=0),
        _manifest_says(part=2),
        _manifest_says(parts=10**9),
        _manifest_says(members=None),
        _manifest_says(content=[]),
        _content_says(runs={"a": 1}),
        _content_says(runs=[{}]),
        _content_says(previous="yesterday"),
        member_twice,
        member_of_nothing,
        member_too_long,
        overlapping_members,
        file_twice,
        file_in_a_file,
        two_sizes,
        log_twice,
    ],
)
def test_a_manifest_that_can_not_be_is_refused(
    change: Callable[[Part], None], part: Path, outside: Outside, tmp_path: Path
) -> None:
    forged = Part.of(part)
    change(forged)
    refused(outside, forged.write(tmp_path / "forged.tar.zst"))
    assert not (tmp_path / "outside" / "outside").exists()


@pytest.mark.parametrize(
    "encoded", [b"", b"{", b"[]", b"null", b"\xff", b'{"format": 1, "format": 1}', b"[" * 5000, b'"\\ud800"']
)
def test_a_manifest_that_is_none_is_refused(encoded: bytes, part: Path, outside: Outside, tmp_path: Path) -> None:
    refused(outside, Part.of(part).write(tmp_path / "forged.tar.zst", encoded=encoded))


def test_a_manifest_of_another_bundle_is_refused(part: Path, outside: Outside, tmp_path: Path) -> None:
    forged = Part.of(part)
    forged.manifest["bundle"] = "0" * 64
    path = forged.write(tmp_path / "forged.tar.zst", is_renamed=False)
    assert "bears the id of another content" in refused(outside, path)


@pytest.mark.parametrize("data", [b"", b"text", frame(b"text"), joined(b"", frame(b"")), joined(b"x", b"y")])
def test_what_is_no_bundle_is_refused(data: bytes, outside: Outside, tmp_path: Path) -> None:
    (tmp_path / "a.tar.zst").write_bytes(data)
    assert str(tmp_path / "a.tar.zst") in refused(outside, tmp_path / "a.tar.zst")


@pytest.mark.parametrize("name", ["a.tar.zst", "a.tar.zst.sealed"])
def test_a_pipe_or_a_device_is_waited_for_by_nobody(name: str, outside: Outside, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    assert "is no regular file" in refused(outside, tmp_path / name)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    assert "is no regular file" in refused(outside, tmp_path / name)
    with pytest.raises(WrongBundle, match="is no regular file"):
        receipts.read(tmp_path / name)


def test_a_folder_of_the_user_is_not_taken_for_a_run(part: Path, outside: Outside, tmp_path: Path) -> None:
    mine = outside.runs / "project" / "files" / "data.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    forged = Part.of(part)
    forged.log["folder"] = "project"
    forged.log["files"][0] |= {"folder": "files", "path": "data.txt"}
    outside.take_all([forged.write(tmp_path / "forged.tar.zst")])
    assert mine.read_text() == "precious"
    assert [path.name for path in mine.parent.parent.iterdir()] == ["files"]
    assert (outside.runs / "project~2" / "files" / "data.txt").exists()


def test_a_path_that_no_system_call_takes_is_refused(part: Path, outside: Outside, tmp_path: Path) -> None:
    forged = Part.of(part)
    forged.log["files"][0]["path"] = "/".join(["\u00e9" * 127] * 12)
    assert "is longer than 3,000 bytes" in refused(outside, forged.write(tmp_path / "forged.tar.zst"))


@pytest.mark.parametrize("folder", ["f" * 255, "\u00e9" * 127, "f~" + "9" * 253, "run-99991231_235959-x"])
def test_runs_whose_folders_have_one_long_name_lie_beside_each_other(
    folder: str, inside: Inside, outside: Outside, tmp_path: Path
) -> None:
    for name in ("r1", "r2", "r3"):
        finished_run(inside.runs, name, files={"files/a.txt": name.encode()})
    forged = Part.of(inside.bundle().parts[0])
    for run in forged.manifest["content"]["runs"]:
        run["logs"][0]["folder"] = folder
    outside.take_all([forged.write(tmp_path / "forged.tar.zst")])
    found = sorted(path.read_text() for path in outside.runs.glob("*/files/a.txt"))
    assert found == ["r1", "r2", "r3"]


def test_a_run_that_the_file_system_does_not_take_keeps_no_other_back(
    inside: Inside, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("r1", "r2"):
        finished_run(inside.runs, name, files={f"files/{name}:": b"a"})
    replaced = os.replace

    def as_on_a_stick(source: Path, to: str | Path, **more: int) -> None:
        if str(to).endswith("r1:"):
            raise OSError(errno.EINVAL, "Invalid argument")
        replaced(source, to, **more)

    monkeypatch.setattr(os, "replace", as_on_a_stick)
    bundles, _, _ = outside.take(inside.bundle().parts)
    (one,) = bundles.values()
    assert [run.run_id for run in one.done] == ["r2"]
    assert "takes no such name" in str(one.refused)


def test_a_log_that_is_another_one_is_refused(inside: Inside, outside: Outside, tmp_path: Path) -> None:
    """A forger knows the id of somebody's log, and brings another one under it."""
    finished_run(inside.runs)
    ours = inside.bundle().parts[0]
    theirs = StockRun(tmp_path / "third" / "wandb", "r1", started=5.0)
    theirs.finish()
    forged = Part.of(ours)
    real = Inside(tmp_path / "third").bundle().parts[0]
    third = Part.of(real)
    forged.manifest["content"]["runs"][0]["logs"][0] = {**third.log, "log_id": forged.log["log_id"]}
    data = third.entries[0][1]
    name = f"logs/{forged.log['log_id']}/0-{len(data)}"
    forged.manifest["members"], forged.entries = [{"name": name}], [entry(name, data)]
    assert "another log than the bundle says" in refused(outside, forged.write(tmp_path / "forged.tar.zst"))
    outside.take_all([ours])
    assert contents(outside.runs) == contents(inside.runs)


def test_a_log_that_says_other_things_than_here_is_refused_and_stays(
    inside: Inside, outside: Outside, tmp_path: Path
) -> None:
    run = StockRun(inside.runs, "r1")
    run.grow(3)
    outside.take_all(inside.bundle().parts)
    before = contents(outside.runs)
    run.grow(5)
    run.finish()
    outside.take_all(inside.bundle().parts)
    grown = contents(outside.runs)
    assert grown != before
    other = StockRun(tmp_path / "x" / "wandb", "r1")
    other.grow(3)
    other.grow(6)
    other.finish()
    said = outside.refusal(Inside(tmp_path / "x").bundle().parts[0])
    assert "has other bytes than the bundle" in said
    assert contents(outside.runs) == grown


def test_pieces_that_somebody_forged_are_in_nobodys_way(inside: Inside, outside: Outside, tmp_path: Path) -> None:
    """Pieces of a log with wrong bytes lie in the staging folder, waiting for others that never come."""
    finished_run(inside.runs, rows=300)
    right = inside.bundle().parts[0]
    for number, (start, end) in enumerate(((0, 500), (0, 1000), (100, 2000))):
        forged = Part.of(right)
        data = bytes([number]) * (end - start)
        name = f"logs/{forged.log['log_id']}/{start}-{end}"
        member = {"name": name, "sha256": hashlib.sha256(data).hexdigest()}
        forged.manifest["members"], forged.entries = [member], [entry(name, data)]
        _, errors, _ = outside.take([forged.write(tmp_path / f"forged{number}.tar.zst")])
        assert not errors
    assert outside.staged()
    outside.take_all([right])
    assert contents(outside.runs) == contents(inside.runs)
    assert not outside.staged()


@pytest.mark.parametrize("signer", ["nobody", "somebody else", "us, before it was changed"])
def test_only_what_a_trusted_key_signed_is_taken(
    signer: str, inside: Inside, outside: Outside, key: SecretKey, tmp_path: Path
) -> None:
    trust = Trust([key.public("site")])
    finished_run(inside.runs, files=FILES)
    other = keys.secret_key(keys.make(tmp_path / "keys", "other")[0])
    how = {"nobody": None, "somebody else": other}.get(signer, key)
    path = inside.bundle(how=How(sign=how)).parts[0]
    if signer.startswith("us"):
        forged = Part.of(path)
        forged.log["records"] += 1
        path = forged.write(tmp_path / "forged.tar.zst")
        assert "its signature is wrong" in refused(outside, path)  # whomever anybody trusts
    else:
        assert "trusted here is site" in refused(outside, path, trust)
    assert refused(outside, path, trust).endswith("nothing of it was taken")
    outside.take_all(inside.bundle(how=How(sign=key)).parts, trust)
    assert contents(outside.runs) == contents(inside.runs)


@pytest.mark.parametrize(
    "signature", [b"", b"{}", b'{"algorithm": "none"}', b"[]", b'{"algorithm":"ed25519","key":"x"}']
)
def test_a_signature_that_is_none_is_refused(signature: bytes, part: Path, outside: Outside, tmp_path: Path) -> None:
    forged = Part.of(part)
    forged.signature = signature
    refused(outside, forged.write(tmp_path / "forged.tar.zst"))


def test_what_waits_from_strangers_is_not_placed_for_who_trusts_somebody(
    inside: Inside, outside: Outside, key: SecretKey
) -> None:
    finished_run(inside.runs, files={"blobs/noise": random.Random(5).randbytes(200_000)})
    unsigned = inside.bundle(how=How(split=150_000)).parts
    outside.take(unsigned[:1])
    finished_run(inside.runs, "r2")
    signed = inside.bundle(how=How(sign=key)).parts
    bundles, errors, _ = outside.take(signed, Trust([key.public("site")]))
    assert not errors
    assert len(bundles) == 1
    assert contents(outside.runs) == contents(inside.runs)


def _link_the_run(runs: Path, run: Path, elsewhere: Path) -> None:
    (runs / run.name).symlink_to(elsewhere)


def _link_the_files(runs: Path, run: Path, elsewhere: Path) -> None:
    (runs / run.name).mkdir()
    (runs / run.name / "files").symlink_to(elsewhere)


def _link_a_folder(runs: Path, run: Path, elsewhere: Path) -> None:
    (runs / run.name / "files").mkdir(parents=True)
    (runs / run.name / "files" / "media").symlink_to(elsewhere)


def _link_a_file(runs: Path, run: Path, elsewhere: Path) -> None:
    (runs / run.name / "files" / "media").mkdir(parents=True)
    (runs / run.name / "files" / "media" / "a.txt").symlink_to(elsewhere / "victim")


def _link_the_log(runs: Path, run: Path, elsewhere: Path) -> None:
    (runs / run.name).mkdir()
    (elsewhere / "log").write_bytes(next(run.glob("*.wandb")).read_bytes()[:800])
    (runs / run.name / "run-r1.wandb").symlink_to(elsewhere / "log")


def _pipe_for_the_log(runs: Path, run: Path, elsewhere: Path) -> None:
    (runs / run.name).mkdir()
    os.mkfifo(runs / run.name / "run-r1.wandb")


def _file_for_a_folder(runs: Path, run: Path, elsewhere: Path) -> None:
    (runs / run.name).mkdir()
    (runs / run.name / "files").write_text("in the way")


@pytest.mark.parametrize(
    "trap",
    [
        _link_the_run,
        _link_the_files,
        _link_a_folder,
        _link_a_file,
        _link_the_log,
        _pipe_for_the_log,
        _file_for_a_folder,
    ],
)
def test_links_that_somebody_put_there_lead_nobody_out(
    trap: Callable[[Path, Path, Path], None], inside: Inside, outside: Outside, tmp_path: Path
) -> None:
    run = finished_run(inside.runs, files={"files/media/a.txt": b"new"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "victim").write_text("precious")
    outside.runs.mkdir(parents=True)
    trap(outside.runs, run.log.parent, elsewhere)
    kept = contents(elsewhere)
    outside.take(inside.bundle().parts)
    assert contents(elsewhere) == kept
    assert sorted(path.name for path in elsewhere.iterdir()) == sorted(kept)


def test_a_staging_folder_that_is_a_link_is_refused(part: Path, outside: Outside, tmp_path: Path) -> None:
    outside.runs.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (outside.runs / ".runstore-incoming").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="is not a folder of yours"):
        outside.take([part])
    assert not list((tmp_path / "elsewhere").iterdir())

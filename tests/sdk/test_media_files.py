"""Media as files: where they go, what they are called, and what may happen to them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

import runstore
from runstore.errors import UsageError
from runstore.sdk.media.base import MediaFolder, file_name
from runstore.sdk.media.onefile import file_json
from tests.sdk.medialogs import Artifact, announced, content, logged, logged_rows, media
from tests.sdk.reading import begin, logs, only_log, rows


def page(text: str = "<p>hello</p>") -> runstore.Html:
    return runstore.Html(text, inject=False)


def test_a_file_is_named_by_key_step_and_content_and_announced_to_be_delivered(folder: Path) -> None:
    said = logged(folder, page=page())["page"]
    assert content(folder, said) == b"<p>hello</p>"
    assert said["path"] == f"media/html/page_0_{said['sha256'][:20]}.html"
    assert announced(folder) == [said["path"]]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("loss", "loss"),
        ("section/plot", "section/plot"),
        ("/absolute", "absolute"),
        ("../../up", "__/__/up"),
        ("a//b", "a/b"),
        ("dots.in.it", "dots.in.it"),
        ("what?*:", "what?*:"),
        ("nul\0", "nul_"),
    ],
)
def test_keys_become_paths_as_w_and_b_has_them(key: str, name: str) -> None:
    assert file_name(key, "_0_x.png") == f"{name}_0_x.png"


def test_keys_longer_than_file_systems_take_are_cut(folder: Path) -> None:
    said = logged(folder, **{"ä" * 400: page()})["ä" * 400]
    assert content(folder, said) == b"<p>hello</p>"
    assert len(os.path.basename(said["path"]).encode()) <= 255


def test_media_in_nested_dicts_are_known_by_the_innermost_key(folder: Path) -> None:
    row = logged(folder, outer={"inner": {"page": page()}, "n": 1})
    assert row["outer"]["n"] == 1
    assert row["outer"]["inner"]["page"]["path"].startswith("media/html/page_0_")


def test_a_file_given_by_its_path_may_vanish_after_the_call(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "a.pdb"
    source.write_bytes(b"ATOM" * 1_000_000)
    run = begin()
    run.log({"molecule": runstore.Molecule(source)})
    source.unlink()
    run.finish()
    assert content(folder, logged_rows(folder)[0]["molecule"]) == b"ATOM" * 1_000_000


def test_a_path_is_that_of_the_folder_in_which_the_media_was_made(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.pdb").write_text("ATOM")
    monkeypatch.chdir(tmp_path)
    molecule = runstore.Molecule("a.pdb")
    monkeypatch.chdir("/")
    assert content(folder, logged(folder, molecule=molecule)["molecule"]) == b"ATOM"


def test_a_path_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(FileNotFoundError, match="nowhere.pdb"):
        runstore.Molecule("/nowhere.pdb")


def test_a_file_that_vanished_before_the_call_costs_its_value_only(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "a.pdb"
    source.write_text("ATOM")
    molecule = runstore.Molecule(source)
    source.unlink()
    assert logged(folder, molecule=molecule, loss=1) == {"molecule": None, "loss": 1}
    assert "molecule: this value's files could not be written" in capfd.readouterr().err


def test_a_disk_that_refuses_costs_the_value_only_and_is_said_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    run = begin()
    monkeypatch.setattr(Path, "replace", refuse)
    for _ in range(3):
        run.log({"page": page(), "loss": 1})
    run.finish()
    assert logged_rows(folder) == [{"page": None, "loss": 1}] * 3
    assert capfd.readouterr().err.count("files could not be written (No space left on device)") == 1
    assert not [path for path in (only_log(folder).parent / "files" / "media").rglob("*") if path.is_file()]


def test_the_same_object_logged_again_names_the_first_copy(folder: Path) -> None:
    value = page()
    run = begin()
    run.log({"one": value})
    run.log({"two": value})
    run.log({"three": [value, value]})
    run.finish()
    first, second, third = logged_rows(folder)
    assert second["two"] == first["one"]
    assert content(folder, third["three"]["html"][1]) == b"<p>hello</p>"
    assert third["three"]["html"][1]["path"].startswith("media/html/three_2_")


def test_the_same_object_may_go_into_two_runs(folder: Path, tmp_path: Path) -> None:
    value = page()
    said = [logged(tmp_path / name, page=value)["page"] for name in ("first", "second")]
    assert said[0] == said[1]
    assert media(tmp_path / "second", said[1]["path"]) == b"<p>hello</p>"


def test_media_can_be_pickled_before_and_after_they_are_logged(folder: Path, tmp_path: Path) -> None:
    value = page()
    assert pickle.loads(pickle.dumps(value)).html == value.html
    logged(tmp_path / "first", page=value)
    again = pickle.loads(pickle.dumps(value))
    assert content(folder, logged(folder, page=again)["page"]) == b"<p>hello</p>"


def test_a_forked_child_keeps_media_beside_its_own_log(folder: Path) -> None:
    value = page()
    run = begin()
    run.log({"page": value})
    child = os.fork()
    if not child:
        run.log({"page": value, "child": True})
        run.finish()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    run.finish()
    assert len(logs(folder)) == 2
    for log in logs(folder):
        for _, row in rows(log):
            assert (log.parent / "files" / row["page", "path"]).read_bytes() == b"<p>hello</p>"


def test_lists_of_different_media_are_lists_of_their_objects(folder: Path) -> None:
    row = logged(folder, both=[page("a"), runstore.Object3D({"type": "lidar/beta"})], nothing=[])
    assert [item["_type"] for item in row["both"]] == ["html-file", "object3D-file"]
    assert row["nothing"] == []


def test_with_fsync_always_the_file_is_on_the_disk_when_log_returns(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTORE_FSYNC", "always")
    synced: list[str] = []
    sync = os.fsync

    def noted(number: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{number}"))
        sync(number)

    monkeypatch.setattr(os, "fsync", noted)
    logged(folder, page=page())
    assert any("/files/media/" in path for path in synced)


def test_parts_of_the_program_may_put_files_of_their_own(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 3_000_000)
    run = begin()
    written = run._recorder.part(MediaFolder).put_file(tmp_path / "big", "table", "key", 7, "")
    run.finish()
    assert written["path"] == f"media/table/key_7_{written['sha256'][:20]}"
    assert content(folder, written) == b"x" * 3_000_000


def test_inside_an_artifact_generated_media_are_named_by_their_md5_and_files_by_their_own_name(tmp_path: Path) -> None:
    (tmp_path / "own.html").write_text("own")
    artifact = Artifact()
    made = page("made").in_artifact(artifact)
    own = runstore.Html(tmp_path / "own.html", inject=False).in_artifact(artifact)
    assert made["_type"] == own["_type"] == "html-file"
    assert made["path"] == "media/html/4ab8710d781ba5b13aaf.html"
    assert own["path"] == f"media/html/{own['sha256'][:20]}/own.html"
    assert artifact.files == {made["path"]: b"made", own["path"]: b"own"}


def test_an_address_goes_into_artifacts_and_not_into_runs(folder: Path) -> None:
    artifact = Artifact()
    clip = runstore.Audio("s3://bucket/some/clip.wav")
    said = clip.in_artifact(artifact)
    assert artifact.references == {said["path"]: "s3://bucket/some/clip.wav"}
    assert said["path"] == f"media/audio/{said['sha256'][:20]}/clip.wav"
    with pytest.raises(ValueError, match="only be put into an artifact"):
        logged(folder, clip=clip)


def test_errors_are_of_both_trees() -> None:
    with pytest.raises(UsageError):
        runstore.Molecule("a.xyz")
    with pytest.raises(ValueError, match="it takes cif, gro"):
        runstore.Molecule("a.xyz")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({1: 1e-7, "é": [1e15, -0.0, True, None]}, '{"1":1e-7,"é":[1000000000000000.0,-0.0,true,null]}'),
        ([float("nan"), float("inf"), -float("inf"), 1e-7], "[NaN,Infinity,-Infinity,1e-7]"),
        ((1, (2, "\x01\u2028")), '[1,[2,"\\u0001\u2028"]]'),
    ],
)
def test_json_files_are_byte_for_byte_as_w_and_b_writes_them(value: object, text: str) -> None:
    assert file_json(value) == text.encode()

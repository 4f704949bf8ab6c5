"""Downloads: exactly the artifact's files, each whole and checked, whatever happens on the way."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

import pytest

import runstore
from runstore.core.manifest import ManifestEntry
from runstore.errors import ArtifactNotLoggedError, WrongArtifact
from runstore.runlog import codec
from runstore.runlog.record_pb2 import Record
from runstore.sdk.artifacts import landing
from runstore.sdk.artifacts.artifact import Artifact
from runstore.sdk.artifacts.downloading import BytesMissing
from runstore.sdk.artifacts.fetchedreferences import ReferenceMissing
from runstore.sdk.artifacts.landing import DownloadRefused, WrongBytes
from runstore.sdk.artifacts.webreferences import UnreachableReference
from runstore.sdk.run import Run
from tests.sdk import running
from tests.sdk.asking import made, tree
from tests.sdk.reading import begin

FILES = {"a.txt": b"a", "sub/b.txt": b"b"}


@pytest.fixture
def run(folder: Path) -> Run:
    return begin(project="p")


@pytest.fixture
def data(run: Run, source: Path) -> Artifact:
    """Return an artifact of two files that was looked up."""
    artifact = Artifact("data", "dataset")
    artifact.add_dir(source)
    run.log_artifact(artifact)
    return run.use_artifact("data:latest")


def blobs(folder: Path) -> list[Path]:
    return sorted(folder.glob("wandb/*/blobs/*"))


# ---- what is there afterwards


def test_a_download_leaves_exactly_the_files(data: Artifact, tmp_path: Path) -> None:
    root = tmp_path / "root"
    assert data.download(str(root)) == str(root)
    assert tree(root) == FILES
    (root / "own.txt").write_text("mine")
    (root / "a.txt").write_text("changed by hand")
    data.download(root)
    assert tree(root) == {**FILES, "own.txt": b"mine"}


def test_downloaded_files_can_be_edited_and_harm_no_run(data: Artifact, folder: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in blobs(folder)}
    root = Path(data.download(tmp_path / "root"))
    for path in (root / "a.txt", root / "sub" / "b.txt"):
        assert path.stat().st_nlink == 1
        assert path.stat().st_mode & 0o200
        path.write_text("edited")
    assert {path: path.read_bytes() for path in blobs(folder)} == before


def test_the_default_folder_has_the_name_and_version(
    data: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert data.download() == str(tmp_path / "artifacts" / "data:v0")
    monkeypatch.setenv("WANDB_ARTIFACT_DIR", str(tmp_path / "elsewhere"))
    assert data.download() == str(tmp_path / "elsewhere" / "data:v0")
    assert data.checkout() == str(tmp_path / "elsewhere" / "data")
    assert tree(tmp_path / "elsewhere") == {
        f"{name}/{path}": content for name in ("data", "data:v0") for path, content in FILES.items()
    }


def test_files_that_are_there_already_are_not_written_again(data: Artifact, tmp_path: Path) -> None:
    data.download(tmp_path)
    before = (tmp_path / "a.txt").stat()
    data.download(tmp_path)
    assert (tmp_path / "a.txt").stat() == before


def test_some_of_the_files_by_how_their_paths_begin(data: Artifact, tmp_path: Path) -> None:
    expected: list[tuple[str | Path, str]] = [("sub/", "sub/b.txt"), ("a", "a.txt"), (Path("sub"), "sub/b.txt")]
    for number, (prefix, path) in enumerate(expected):
        assert list(tree(data.download(tmp_path / str(number), path_prefix=prefix))) == [path]


def test_one_file_of_an_artifact(data: Artifact, run: Run, tmp_path: Path) -> None:
    path = data.get_entry("sub/b.txt").download(str(tmp_path / "one"))  # type: ignore[attr-defined]
    assert (path, tree(tmp_path / "one")) == (str(tmp_path / "one/sub/b.txt"), {"sub/b.txt": b"b"})
    with pytest.raises(ValueError, match="holds 2 files"):
        data.file()
    run.log_artifact(made("w"))
    assert Path(run.use_artifact("net:latest").file(str(tmp_path))).read_text() == "w"
    with data.files(["a.txt"])[0].download(str(tmp_path / "file")) as opened:
        assert opened.read() == "a"


def test_checkout_removes_what_is_not_the_artifacts(data: Artifact, tmp_path: Path) -> None:
    (tmp_path / "root" / "old" / "deep").mkdir(parents=True)
    (tmp_path / "root" / "old" / "deep" / "x").write_text("x")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "home")
    assert data.checkout(str(tmp_path / "root")) == str(tmp_path / "root")
    assert tree(tmp_path / "root") == FILES
    assert (tmp_path / "home").is_dir()


def test_verify_tells_what_is_changed_missing_or_foreign(data: Artifact, tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    data.download(root)
    data.verify(root)
    for path, change, said in (
        ("a.txt", "changed", "a.txt: its digest is not"),
        ("sub/b.txt", None, "b.txt: is missing"),
        ("more.txt", "x", "more.txt: is not in artifact data:v0"),
    ):
        target = Path(root, path)
        target.unlink(missing_ok=True)
        if change is not None:
            target.write_text(change)
        with pytest.raises(WrongBytes, match=said):
            data.verify(root)
        data.checkout(root)


def test_an_artifact_that_was_not_logged_has_nothing_to_download() -> None:
    draft = made("x")
    for call in (draft.download, draft.file, draft.files, draft.checkout, draft.verify, draft.logged_by, draft.used_by):
        with pytest.raises(ArtifactNotLoggedError):
            call()


def test_what_was_just_logged_can_be_downloaded_by_the_same_object(run: Run, tmp_path: Path) -> None:
    artifact = run.log_artifact(made("w"))
    assert tree(artifact.download(tmp_path / "root")) == {"weights.txt": b"w"}


# ---- bytes that are not what they should be


def test_wrong_bytes_get_no_final_name(data: Artifact, folder: Path, tmp_path: Path) -> None:
    (blob,) = (path for path in blobs(folder) if path.read_bytes() == b"b")
    blob.chmod(0o600)
    blob.write_bytes(b"X")
    with pytest.raises(WrongBytes, match=r"sub/b\.txt can't be had: .*its digest is"):
        data.download(tmp_path / "root")
    assert tree(tmp_path / "root") in ({"a.txt": b"a", "sub/": b""}, {"sub/": b""})


def test_bytes_are_found_in_another_place_where_the_first_has_others(
    data: Artifact, folder: Path, tmp_path: Path
) -> None:
    """A run directory that was copied, and in which a blob was damaged by the copying."""
    (blob,) = (path for path in blobs(folder) if path.read_bytes() == b"b")
    rescued = blob.with_name("md5-92eb5ffee6ae2fec3ad71c777531578f")
    shutil.copyfile(blob, rescued)
    blob.chmod(0o600)
    blob.write_bytes(b"X")
    assert tree(data.download(tmp_path / "root")) == FILES
    blob.unlink()
    assert tree(data.download(tmp_path / "again")) == FILES


def test_bytes_that_are_gone_are_named(data: Artifact, folder: Path, tmp_path: Path) -> None:
    shutil.rmtree(blobs(folder)[0].parent)
    with pytest.raises(BytesMissing, match=r"artifact data:v0: the bytes of (a|sub/b)\.txt are gone \(1 bytes"):
        data.download(tmp_path / "root")
    assert [path for path in tree(tmp_path / "root") if not path.endswith("/")] == []
    assert data.file_count == 2


@pytest.mark.parametrize("path", ["../escaped.txt", "/tmp/escaped.txt", "a/../../escaped.txt", "C:\\escaped.txt"])
def test_a_record_whose_paths_lead_out_is_refused(path: str, data: Artifact, run: Run, tmp_path: Path) -> None:
    """A log that somebody else wrote can say anything."""
    said = {
        "name": "trick",
        "type": "t",
        "digest": "d",
        "client_id": "c" * 128,
        "aliases": ["latest"],
        "finalize": True,
    }
    entry = data.manifest.entries["a.txt"]
    contents = [{"path": path, "digest": entry.digest, "size": 1, "local_path": entry.local_path}]
    record = Record(artifact={**said, "project": "p", "manifest": {"version": 1, "contents": contents}})
    run._recorder.append(codec.encode(record))
    found = run.use_artifact("trick")
    with pytest.raises(WrongArtifact, match="no path inside an artifact"):
        found.download(tmp_path / "in" / "root")
    assert not list(tmp_path.rglob("escaped.txt"))


def test_a_pipe_in_the_place_of_a_blob_is_not_waited_for(data: Artifact, folder: Path, tmp_path: Path) -> None:
    for blob in blobs(folder):
        blob.unlink()
        os.mkfifo(blob)
    with pytest.raises(BytesMissing):
        data.download(tmp_path / "root")


def test_a_folder_in_the_place_of_a_file_is_left_alone(data: Artifact, tmp_path: Path) -> None:
    (tmp_path / "root" / "a.txt").mkdir(parents=True)
    with pytest.raises(DownloadRefused, match=r"a\.txt: is a folder"):
        data.download(tmp_path / "root")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "sub").write_text("a file where a folder is to be")
    with pytest.raises(DownloadRefused, match="can't be written"):
        data.download(tmp_path / "other")
    assert (tmp_path / "other" / "sub").read_text() == "a file where a folder is to be"


# ---- the disk and the process


def test_a_full_disk_leaves_nothing_half_written(
    data: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """A file on a disk with no room left."""

        def __init__(self, file: BinaryIO) -> None:
            self.file = file

        def write(self, block: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    write = landing.write
    monkeypatch.setattr(landing, "write", lambda file, block: write(Full(file), block))  # type: ignore[arg-type]
    monkeypatch.setattr(landing, "cloned", lambda source, target: False)
    with pytest.raises(DownloadRefused, match="No space left on device") as raised:
        data.download(tmp_path / "root")
    assert raised.value.errno == errno.ENOSPC
    assert all(path.endswith("/") for path in tree(tmp_path / "root"))


KILLED = """
    import os
    import threading
    import runstore
    from runstore.sdk.artifacts import landing
    artifact = runstore.Api().artifact("p/large")
    write = landing.write
    def told(file, block):
        write(file, block)
        os.write(1, b"ready\\n")
        threading.Event().wait()
    landing.write = told
    landing.cloned = lambda source, target: False
    artifact.download({root!r})
"""


def test_a_kill_during_a_download_leaves_no_half_file_and_the_next_one_clears_up(run: Run, tmp_path: Path) -> None:
    artifact = Artifact("large", "t")
    for number in range(3):
        with artifact.new_file(f"{number}.bin", mode="wb") as file:
            file.write(os.urandom(1 << 10) * (8 << 10))
    run.log_artifact(artifact)
    root = tmp_path / "root"
    for _ in range(3):
        with running.running(KILLED.format(root=str(root)), bufsize=0) as process:
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        left = tree(root)
        assert left
        assert all(name.endswith(".part") and len(content) < 8 << 20 for name, content in left.items())
    artifact.download(root)
    assert sorted(tree(root)) == ["0.bin", "1.bin", "2.bin"]
    artifact.verify(str(root))


def test_a_download_leaves_the_partial_files_of_another_that_is_going_on(data: Artifact, tmp_path: Path) -> None:
    with landing.landing(tmp_path / "other.bin") as file:
        data.download(tmp_path)
        landing.write(file, b"goes on")
    assert (tmp_path / "other.bin").read_bytes() == b"goes on"


def test_many_downloads_into_one_folder_at_once(data: Artifact, tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def download() -> None:
        try:
            data.download(tmp_path / "root")
        except BaseException as error:
            failed.append(error)

    data.manifest.to_manifest_json()
    threads = [threading.Thread(target=download) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert tree(tmp_path / "root") == FILES


def test_a_long_download_shows_a_bar_on_a_terminal_only(
    data: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from runstore.sdk.artifacts import downloading

    monkeypatch.setattr(downloading, "_LONG_FILES", 2)
    capsys.readouterr()
    data.download(tmp_path / "quiet")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    data.download(tmp_path / "shown")
    assert "downloading data:v0" in capsys.readouterr().err


# ---- references


class Web(BaseHTTPRequestHandler):
    """Has one file, under a name of the web's and one of S3's, whose ETag is the server's to set."""

    etag = '"first"'

    def do_GET(self) -> None:
        found = self.path.split("?")[0] in ("/file.bin", "/bucket/below/file.bin")
        self.send_response(200 if found else 404)
        if found:
            self.send_header("ETag", type(self).etag)
            self.send_header("Content-Length", "7")
        self.end_headers()
        if found:
            self.wfile.write(b"content")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def web() -> Any:
    Web.etag = '"first"'
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def referring(run: Run, *uris: str, checksum: bool = True) -> Artifact:
    """Return an artifact that refers to these, as it is looked up."""
    artifact = Artifact("far", "t")
    for uri in uris:
        artifact.add_reference(uri, checksum=checksum)
    run.log_artifact(artifact)
    return run.use_artifact("far:latest")


@pytest.mark.parametrize("checksum", [True, False])
def test_files_that_are_referred_to_are_copied(checksum: bool, run: Run, source: Path, tmp_path: Path) -> None:
    found = referring(run, source.as_uri(), checksum=checksum)
    assert tree(found.download(tmp_path / "root")) == FILES
    assert (tmp_path / "root" / "a.txt").stat().st_nlink == 1


def test_a_file_that_changed_or_went_since_is_said(run: Run, source: Path, tmp_path: Path) -> None:
    found = referring(run, (source / "a.txt").as_uri())
    (source / "a.txt").write_text("other")
    with pytest.raises(WrongBytes):
        found.download(tmp_path / "root")
    (source / "a.txt").unlink()
    with pytest.raises(ReferenceMissing, match="there is no file"):
        found.download(tmp_path / "root")
    assert tree(found.download(tmp_path / "root", allow_missing_references=True)) == {}


def test_what_a_web_server_has_is_checked_by_its_etag(run: Run, web: str, tmp_path: Path) -> None:
    found = referring(run, f"{web}/file.bin")
    assert tree(found.download(tmp_path / "root")) == {"file.bin": b"content"}
    Web.etag = '"second"'
    with pytest.raises(WrongBytes, match="has changed since"):
        found.download(tmp_path / "later")
    loose = referring(run, f"{web}/file.bin", checksum=False)
    assert tree(loose.download(tmp_path / "loose")) == {"file.bin": b"content"}


def test_an_object_in_s3_is_checked_by_its_etag(
    run: Run, web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("AWS_S3_ENDPOINT_URL", web),
        ("AWS_REGION", "here"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ):
        monkeypatch.setenv(name, value)
    loose = referring(run, "s3://bucket/below/file.bin", checksum=False)
    assert tree(loose.download(tmp_path / "root")) == {"below/file.bin": b"content"}
    artifact = Artifact("exact", "t")
    artifact._manifest.add_entry(
        ManifestEntry("x.bin", "first", "s3://bucket/below/file.bin", 7, extra={"etag": "first"})
    )
    run.log_artifact(artifact)
    exact = run.use_artifact("exact:latest")
    assert tree(exact.download(tmp_path / "exact")) == {"x.bin": b"content"}
    Web.etag = '"second"'
    with pytest.raises(WrongBytes, match="has changed since"):
        exact.download(tmp_path / "later")
    gone = referring(run, "s3://bucket/gone.bin", checksum=False)
    with pytest.raises(ReferenceMissing):
        gone.download(tmp_path / "gone")
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(runstore.errors.UsageError, match="pip install boto3"):
        loose.download(tmp_path / "without")


def test_what_can_not_be_fetched_is_told_apart(run: Run, web: str, tmp_path: Path) -> None:
    gone = referring(run, f"{web}/gone.bin", checksum=False)
    with pytest.raises(ReferenceMissing, match="does not have"):
        gone.download(tmp_path / "root")
    assert tree(gone.download(tmp_path / "root", allow_missing_references=True)) == {}
    nobody = referring(run, "http://127.0.0.1:9/x.bin", checksum=False)
    with pytest.raises(UnreachableReference, match="can't be fetched"):
        nobody.download(tmp_path / "root")
    with pytest.raises(runstore.errors.UsageError, match="gs://bucket/x"):
        referring(run, "gs://bucket/x", checksum=False).download(tmp_path / "root")


def test_an_entry_of_another_artifact_is_copied_from_there(data: Artifact, run: Run, tmp_path: Path) -> None:
    derived = Artifact("derived", "t")
    derived.add_reference(data.get_entry("sub/b.txt").ref_url(), name="b.txt")  # type: ignore[attr-defined]
    run.log_artifact(derived)
    assert tree(run.use_artifact("derived:latest").download(tmp_path / "root")) == {"b.txt": b"b"}

"""Runs that tell in every place where something can stand on whose machine, and by whom, they were recorded."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

from runstore.index.indexer import Indexer
from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import Origin, Record
from runstore.syncd.delivery import Ready, ready
from tests.index.writing import config, exit_record, items, output, plain_rows, write

HOST, USER, EMAIL = "gpu17.cluster.example.org", "mallory", "mallory@example.org"
REMOTE, COMMIT = "git@git.example.org:team/secret-model.git", "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hunter2-and-more"
HOME = f"/home/{USER}/project"
PROGRAM = "source-train_secretly.py"
DATA = f'"{HOME}/d"'
WORDS = {
    "host": (HOST, "gpu17"),
    "user": (USER, EMAIL),
    "git": (REMOTE, "team/secret-model", COMMIT),
    "config": (TOKEN,),
    "console": ("what was printed",),
    "code": ("print('the code')", "train_secretly.py"),
    "env": ("Linux-of-ours", "secret-package"),
}


def record(**content: Any) -> bytes:
    return codec.encode(Record(**content))


def header() -> bytes:
    origin = Origin(
        writer="runstore", kind=Origin.START, started_ns=1_700_000_000, host=HOST, boot_id="b00t", pid=7,
        program="train_secretly.py",
    )  # fmt: skip
    return record(header={"version_info": {"producer": "runstore 1"}, "origin": origin})


def blob(run: Path, data: bytes) -> tuple[str, str]:
    """Keep bytes as an artifact's; return their path and digest."""
    path = run / "blobs" / hashlib.sha256(data).hexdigest()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return str(path), base64.b64encode(hashlib.md5(data).digest()).decode()


def artifact(run: Path, name: str, kind: str, data: bytes, path: str) -> bytes:
    local, digest = blob(run, data)
    entry = {"path": path, "digest": digest, "size": len(data), "local_path": local}
    return record(
        artifact={
            "run_id": "r1", "project": "p", "type": kind, "name": name, "digest": hashlib.md5(data).hexdigest(),
            "client_id": name.ljust(128, "x"), "finalize": True, "user_created": True,
            "metadata": json.dumps({"made on": HOST, "by": USER}), "manifest": {"version": 1, "contents": [entry]},
        }
    )  # fmt: skip


def listed_artifact(run: Path, data: bytes) -> bytes:
    """An artifact whose entries a file lists."""
    local, digest = blob(run, data)
    entry = {"path": "weights.bin", "digest": digest, "size": len(data), "local_path": local, "extra": {"on": HOST}}
    listed, _ = blob(run, gzip.compress(json.dumps(entry).encode() + b"\n", mtime=0))
    return record(
        artifact={
            "run_id": "r1", "project": "p", "type": "model", "name": "listed", "digest": "d" * 32,
            "client_id": "listed".ljust(128, "x"), "finalize": True, "user_created": True,
            "manifest": {"version": 1, "manifest_file_path": listed},
        }
    )  # fmt: skip


def secretive_run(folder: Path, run_id: str = "r1", *, has_ended: bool = True) -> Path:
    """Record a run; return its log."""
    run = folder / "wandb" / f"offline-run-20240101_000000-{run_id}"
    (run / "files" / "media" / "images").mkdir(parents=True)
    (run / "files" / "code").mkdir()
    git = {"remote_url": REMOTE, "commit": COMMIT}
    bodies = [
        header(),
        record(
            run={
                "run_id": run_id, "project": "p", "entity": USER, "host": HOST, "git": git,
                "notes": f"on {HOST} in {HOME}", "tags": ["GPU17", "plain"],
                "config": {"update": [{"key": "lr", "value_json": "0.1"}, {"key": "data", "value_json": DATA}]},
                "settings": {"item": [{"key": "username", "value_json": f'"{USER}"'}]},
                "telemetry": {"platform": "Linux-of-ours"},
            }
        ),
        record(
            environment={
                "os": "Linux-of-ours", "host": HOST, "username": USER, "email": EMAIL, "git": git, "root": HOME,
                "program": f"{HOME}/train_secretly.py", "args": ["--token", TOKEN], "executable": f"{HOME}/bin/python",
            }
        ),
        config({"secret": {"token": TOKEN, "open": 1}, "_wandb": {"python": "Linux-of-ours", "code_path": PROGRAM}}),
        record(config={"update": [{"nested_key": ["_wandb", "code_path"], "value_json": json.dumps(PROGRAM)}]}),
        output(f"what was printed on {HOST} in {HOME}\n"),
        record(files={"files": [{"path": "media/images/a.png"}, {"path": "requirements.txt"}, {"path": "code/t.py"}]}),
        *plain_rows(range(50)),
        wire.history(items({"text": f"saw {HOST}, {USER}, {REMOTE}", "win": r"C:\Users\mallory\x", "_step": 50}), 50),
        record(alert={"title": "over", "text": f"on gpu17 for {EMAIL}"}),
        record(stats={"item": [{"key": "cpu", "value_json": "1.5"}]}),
        artifact(run, "source-p", "code", b"print('the code')", "train_secretly.py"),
        artifact(run, "run-r1-table", "run_table", b'{"columns": []}', "t.table.json"),
        artifact(run, "weights", "model", b"of a model", "weights.bin"),
        listed_artifact(run, b"of another model"),
        record(summary={"update": [{"key": "best", "value_json": f'"{HOME}/best.pt"'}]}),
        *([exit_record()] if has_ended else []),
    ]  # fmt: skip
    metadata = {
        "os": "Linux-of-ours", "host": HOST, "username": USER, "email": EMAIL, "root": HOME, "args": ["--token", TOKEN],
        "git": {"remote": REMOTE, "commit": COMMIT}, "codePath": "train_secretly.py", "gpu": "a fast one",
        "program": f"{HOME}/train_secretly.py", "slurm": {"job_nodelist": "gpu[17-18]"},
    }  # fmt: skip
    beside = {
        "wandb-metadata.json": json.dumps(metadata),
        "requirements.txt": f"secret-package==1\n-e git+ssh://git@git.example.org/team/secret-model@{COMMIT}\n",
        "diff.patch": f"+ print('the code')  # {USER}\n",
        "config.yaml": f"secret: {TOKEN}\nhost: {HOST} {USER} {REMOTE}\n",
        "output.log": f"what was printed on {HOST} by {USER}\n",
        "code/t.py": "print('the code')",
        "media/images/a.png": "a picture",
        "kept.txt": "nothing of anybody",
    }
    for name, text in beside.items():
        (run / "files" / name).write_text(text)
    return write(run / f"run-{run_id}.wandb", bodies)


def all_ready(folder: Path, index: Path) -> list[Ready]:
    """Return what the index says of all logs below a folder."""
    indexer = Indexer(index)
    try:
        indexer.catch_up_below(folder)
        paths = [Path(path) for (path,) in indexer.connection.execute("SELECT path FROM logs ORDER BY path")]
        found = [ready(indexer, path) for path in paths]
    finally:
        indexer.close()
    return [one for one in found if one is not None]

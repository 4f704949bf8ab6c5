"""Records of what a log says beside metrics, for tests."""

from __future__ import annotations

import random

from runstore.runlog import codec
from runstore.runlog.record_pb2 import ArtifactRecord, FilesItem, Record


def stats(seconds: float, **values: str) -> bytes:
    record = Record()
    record.stats.timestamp.seconds, record.stats.timestamp.nanos = divmod(round(seconds * 1e9), 10**9)
    for key, text in values.items():
        record.stats.item.add(key=key.replace("__", "."), value_json=text)
    return codec.encode(record)


def artifact(name: str, **more: object) -> bytes:
    record = Record(artifact=ArtifactRecord(name=name, type="dataset", digest="d", client_id=f"id-{name}", **more))  # type: ignore[arg-type]
    for path, size in (("b.bin", 7), ("a/a.txt", 5)):
        record.artifact.manifest.contents.add(path=path, digest=f"md5-{path}", size=size, local_path=f"/x/{path}")
    record.artifact.manifest.contents.add(path="far", ref="s3://bucket/key", size=100)
    return codec.encode(record)


def alert(title: str) -> bytes:
    return codec.encode(Record(alert={"title": title, "text": "t", "level": "WARN", "wait_duration": 60_000}))


def file(path: str, policy: FilesItem.PolicyType = FilesItem.NOW, kind: FilesItem.FileType = FilesItem.OTHER) -> bytes:
    record = Record()
    record.files.files.add(path=path, policy=policy, type=kind)
    return codec.encode(record)


def logger(text: str) -> bytes:
    return codec.encode(Record(output_logger={"line": text}))


def any_fact(source: random.Random, time: float) -> bytes:
    """Return some record of a fact."""
    name = f"n{source.randrange(4)}"
    return source.choice(
        (
            stats(time, cpu=str(source.random()), gpu__0=source.choice(("1", "NaN", "2.5", '"x"'))),
            file(f"{name}.txt", source.choice((FilesItem.NOW, FilesItem.LIVE))),
            artifact(name, aliases=["latest"], user_created=True, use_after_commit=source.random() < 0.5),
            alert(name),
            logger(f"{name}\n"),
        )
    )

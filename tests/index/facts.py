"""Records of what a log says beside metrics, for tests."""

from __future__ import annotations

import random
from typing import Any

from runstore.core.moves import CollectionPath, Move, move_record
from runstore.runlog import codec
from runstore.runlog.record_pb2 import ArtifactRecord, FilesItem, Record


def stats(seconds: float, **values: str) -> bytes:
    record = Record()
    record.stats.timestamp.seconds, record.stats.timestamp.nanos = divmod(round(seconds * 1e9), 10**9)
    for key, text in values.items():
        record.stats.item.add(key=key.replace("__", "."), value_json=text)
    return codec.encode(record)


def artifact(name: str, **more: object) -> bytes:
    known: dict[str, Any] = {"name": name, "type": "dataset", "digest": "d", "client_id": f"id-{name}", **more}
    record = Record(artifact=ArtifactRecord(**known))
    for path, size in (("b.bin", 7), ("a/a.txt", 5)):
        record.artifact.manifest.contents.add(path=path, digest=f"md5-{path}", size=size, local_path=f"/x/{path}")
    record.artifact.manifest.contents.add(path="far", ref="s3://bucket/key", size=100)
    return codec.encode(record)


def move(name: str, client_id: str, made_ns: int, **more: Any) -> bytes:
    collection = CollectionPath.of(more.pop("entity", ""), more.pop("project", "p"), name)
    return move_record(Move(made_ns, client_id, collection, **more))


def any_artifact(source: random.Random, time: float) -> bytes:
    """Return a record of an artifact: contents and client ids are those of others, now and then."""
    name, client_id = f"n{source.randrange(4)}", f"id{source.randrange(12)}"
    more: dict[str, Any] = {"aliases": source.choice((["latest"], ["latest", "best"], []))}
    if source.random() < 0.3:
        more |= {"user_created": True, "use_after_commit": True}
    if source.random() < 0.2:
        more |= {"distributed_id": source.choice("ab"), "finalize": source.random() < 0.5}
    if source.random() < 0.2:
        more["incremental_beta1"] = True
    return artifact(name, client_id=client_id, digest=f"d{source.randrange(8)}", **more)


def any_move(source: random.Random, time: float) -> bytes:
    """Return a record of a move of one of those artifacts, at about this time."""
    aliases = ("latest", "best", "prod")
    return move(
        f"n{source.randrange(5)}",
        f"id{source.randrange(12)}",
        int(time * 1e9) + source.randrange(3),
        version=source.choice((None, None, 0, 1, 2, 3, 7, -1)),
        aliases=tuple(source.sample(aliases, source.randrange(3))),
        dropped=tuple(source.sample(aliases, source.choice((0, 0, 1)))),
        base=source.choice(("", f"id{source.randrange(12)}")),
        linked=source.random() < 0.2,
        removed=source.random() < 0.1,
    )


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
            any_artifact(source, time),
            any_artifact(source, time),
            any_move(source, time),
            any_move(source, time),
            alert(name),
            logger(f"{name}\n"),
        )
    )

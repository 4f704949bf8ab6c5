"""How long artifacts take: a program of its own, like bench/child.py."""

import glob
import hashlib
import json
import os
import shutil
import sys
import time
from typing import Any


def large_file(library: str, path: str) -> None:
    """Log a file twice, by two runs, in turn with hashing (MD5) and copying it; print the seconds of each.

    What one of them wrote is brought to the disk before the next begins, so that none pays for another.
    """
    module = __import__(library)
    times: dict[str, float] = {}
    for name in ("first", "again"):
        times[f"hash_{name}"], times[f"copy_{name}"] = alone(lambda: hashed(path)), alone(lambda: copied(path))
        with module.init(project="bench") as run:
            times[name] = alone(lambda run=run: logged(module, run, "add_file", path))
    print(json.dumps(times))
    sys.stdout.flush()
    for blob in glob.glob("wandb/*/blobs/*"):  # the disk has others to hold
        os.unlink(blob)


def small_files(library: str, folder: str, versions: int) -> None:
    """Log a folder, then again with every tenth file changed, by a run each; print seconds and bytes stored."""
    module = __import__(library)
    found = []
    for version in range(versions):
        for name in sorted(os.listdir(folder))[:: 10 if version else 1]:
            with open(os.path.join(folder, name), "w") as file:
                file.write(f"{name} {version}\n" * 40)
        before = stored()
        with module.init(project="bench") as run:
            seconds = timed(lambda run=run: logged(module, run, "add_dir", folder))
        found.append({"seconds": seconds, "stored": stored() - before})
    print(json.dumps({"versions": found}))


def names(versions: int, calls: int) -> None:
    """Look for one of many versions of an artifact, by number and by alias; print the seconds of each call."""
    import runstore
    from runstore.core.artifactname import ArtifactName
    from runstore.query.artifacts.registry import Registry

    made_of(versions)
    Registry.open().close()  # the index is there, as after the first question
    os.sync()
    with runstore.init(project="p", settings={"x_disable_stats": True}) as run:
        time.sleep(1)  # what begins a run is done
        first = timed(lambda: run.use_artifact("net:v7"))
        numbers = range(11, versions, versions // calls)
        use = [timed(lambda number=number: run.use_artifact(f"net:v{number}")) for number in numbers]
        alias = [timed(lambda: run.use_artifact("net:latest")) for _ in numbers]
        registry = Registry.open()
        wanted = [ArtifactName("", "p", "net", f"v{number}") for number in numbers]
        find = [timed(lambda name=name: registry.find(name, entity="", project="p")) for name in wanted]
        registry.close()
    print(json.dumps({"first": first, "use": use, "alias": alias, "find": find}))


def made_of(versions: int) -> None:
    """Write the logs of ten runs that logged all versions of one artifact, each with three files."""
    from pathlib import Path

    from tests.index.facts import artifact, move
    from tests.index.writing import write_log

    each = versions // 10
    for run in range(10):
        bodies: list[bytes] = []
        for number in range(run * each, (run + 1) * each):
            client_id = f"{number:0128d}"
            bodies.append(move("net", client_id, number + 1, version=number, aliases=("latest",)))
            bodies.append(artifact("net", client_id=client_id, digest=f"{number:032x}", project="p"))
        write_log(Path(os.environ["WANDB_DIR"]), bodies, f"{run:06d}", f"run{run}")


def logged(module: Any, run: Any, add: str, path: str) -> None:
    """Add to an artifact, and log it."""
    artifact = module.Artifact("bench", "dataset")
    getattr(artifact, add)(path)
    run.log_artifact(artifact)


def hashed(path: str) -> bytes:
    """Return the MD5 of a file, a block at a time."""
    digest, block = hashlib.md5(), memoryview(bytearray(1 << 20))
    with open(path, "rb", buffering=0) as file:
        while read := file.readinto(block):
            digest.update(block[:read])
    return digest.digest()


def copied(path: str) -> None:
    """Copy a file into this folder, as `cp` does."""
    shutil.copyfile(path, "copy")


def stored() -> int:
    """Return how many bytes of artifacts all runs hold, each file once, however many names it has."""
    status = [os.lstat(path) for path in glob.glob("wandb/*/blobs/*")]
    return sum({each.st_ino: each.st_size for each in status}.values())


def alone(call: Any) -> float:
    """Return the seconds that a call takes when all that was written before is on the disk."""
    if os.path.exists("copy"):
        os.unlink("copy")
    os.sync()
    return timed(call)


def timed(call: Any) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began

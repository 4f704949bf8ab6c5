"""Index many logs at once, in processes of their own, where there is much to read and more than one processor.

Any number of processes may index into one database: each reads and decodes its logs without a lock, and takes one
only to write what it has. So nothing has to be agreed on. A worker that dies leaves its last whole piece; whoever
started it goes through all logs afterwards, which costs a look at each, and finishes what is left.

Workers are new processes, never forks: a fork copies locks that other threads hold. And only programs that said so
have any (`allow`): a training process that asks about other runs must not take the processors of its own training.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line has this module whatever it does
    import sqlite3
    import subprocess

# New bytes of logs from which on it is worth it: a worker takes a third of a second to start.
WORTH_BYTES = 48 << 20
MOST_WORKERS = 4  # the database takes what about so many decode

_allowed = False
_PROGRAM = "import sys; sys.path[:] = {path!r}; from runstore.index.worker import work; work({index!r})"


def allow() -> None:
    """Let this process have workers from now on."""
    global _allowed
    _allowed = True


def most_workers() -> int:
    """Return how many processes are worth starting: one for each processor, 1 where nobody allowed any."""
    return _processors() if _allowed else 1


def index_in_parallel(
    connection: sqlite3.Connection, index: Path, logs: Sequence[Path], progress: Callable[[int], None] | None = None
) -> None:
    """Bring logs into the index at `index` with all processors, where that is worth it; else do nothing.

    What can't be read, and what is left over, is for the caller, who goes through the logs by himself afterwards.
    `progress` is told the bytes of each piece.
    """
    processors = most_workers()
    if not sys.executable or processors < 2 or len(logs) < 2:
        return
    news = _new_bytes(connection, logs)
    if sum(news.values()) < WORTH_BYTES:
        return
    workers: list[subprocess.Popen[bytes]] = []
    try:
        for share in _shares(news, min(processors, MOST_WORKERS, len(news))):
            workers.append(_started(index, share))
        _wait_for(workers, progress or (lambda size: None))
    except OSError:  # no more processes, or no memory for them
        return
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait()
            if worker.stdout is not None:
                worker.stdout.close()


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _new_bytes(connection: sqlite3.Connection, logs: Sequence[Path]) -> dict[Path, int]:
    """Return how much each log has grown since it was indexed; those of which there is nothing are left out."""
    sizes: dict[Path, int] = {}
    for log in logs:
        try:
            sizes[log] = log.stat().st_size
        except OSError:
            continue
    if sum(sizes.values()) < WORTH_BYTES:
        return {}
    indexed = dict(connection.execute("SELECT path, indexed FROM logs"))
    return {log: size - indexed.get(str(log), 0) for log, size in sizes.items() if size > indexed.get(str(log), 0)}


def _shares(news: dict[Path, int], count: int) -> list[list[Path]]:
    """Deal out the logs, the largest first, each to whom has least to read."""
    shares: list[list[Path]] = [[] for _ in range(count)]
    loads = [0] * count
    for log in sorted(news, key=lambda log: (-news[log], str(log))):
        least = loads.index(min(loads))
        shares[least].append(log)
        loads[least] += news[log]
    return shares


def _started(index: Path, share: Sequence[Path]) -> subprocess.Popen[bytes]:
    import subprocess

    program = _PROGRAM.format(path=[place or os.getcwd() for place in sys.path], index=str(index))
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # numpy's own would only stand around
    worker = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **one_thread},
    )
    if worker.stdin is not None:
        try:
            with worker.stdin:
                worker.stdin.write(b"\0".join(map(os.fsencode, share)))
        except BrokenPipeError:  # it has died already
            pass
    return worker


def _wait_for(workers: Sequence[subprocess.Popen[bytes]], progress: Callable[[int], None]) -> None:
    """Return when all workers have ended, of themselves or not."""
    import selectors

    with selectors.DefaultSelector() as selector:
        rests: dict[int, bytes] = {}
        for worker in workers:
            if worker.stdout is not None:
                selector.register(worker.stdout, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                data = os.read(key.fd, 4096)
                if not data:
                    selector.unregister(key.fileobj)
                    continue
                *lines, rests[key.fd] = (rests.get(key.fd, b"") + data).split(b"\n")
                for line in lines:
                    progress(int(line))
    for worker in workers:
        worker.wait()

"""Write lines of a run's streams to a W&B server, by `file_stream`."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runstore.syncd.remotes.runs import Lines, ServerRun
from runstore.syncd.remotes.wandb.answers import encoded, quoted
from runstore.syncd.remotes.wandb.connection import WandbConnection

# As much as W&B's own client sends at once; the rest of 10 MiB is for what is around the lines.
MOST_BYTES = LONGEST_LINE_BYTES = (10 << 20) - (100 << 10)
_GZIP_LEVEL = 5  # packs rows to 30 %, at 46 MB/s; 1 does so to 34 % at 156 MB/s, but links are slower than both
_PACKED_FROM_BYTES = 1024  # less is one packet either way
_TOO_LARGE = 413  # as a proxy says it that takes less than the server behind it


@dataclass(frozen=True)
class Ending:
    """What is told behind the lines: files that were uploaded, that the run is to be preempted, that it has ended."""

    uploaded: tuple[str, ...] = ()
    preempting: bool = False
    exit_code: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as the server gets it; nothing where there is nothing to tell."""
        said: dict[str, Any] = {"uploaded": list(self.uploaded)} if self.uploaded else {}
        if self.preempting:
            said["preempting"] = True
        if self.exit_code is not None:
            said |= {"complete": True, "exitcode": self.exit_code}
        return said


class LineStream:
    """The streams of one run at its server; `takes_gzip` asks that."""

    def __init__(self, connection: WandbConnection, run: ServerRun, takes_gzip: Callable[[], bool]) -> None:
        self._connection, self._run, self._takes_gzip = connection, run, takes_gzip
        self._path = f"/files/{quoted(run.entity, run.project, run.run_id)}/file_stream"

    def push(self, streams: Mapping[str, Lines], ending: Ending) -> None:
        """Write lines, then what ends them: in one request, or in as many as something on the way takes."""
        files = {name: {"offset": lines.first, "content": list(lines.content)} for name, lines in streams.items()}
        content = encoded({**({"files": files} if files else {}), **ending.as_json()})
        headers = {}
        if len(content) >= _PACKED_FROM_BYTES and self._takes_gzip():
            content, headers = gzip.compress(content, _GZIP_LEVEL, mtime=0), {"Content-Encoding": "gzip"}
        response = self._connection.post(self._path, content, headers)
        if response.status_code == _TOO_LARGE and sum(len(lines.content) for lines in streams.values()) > 1:
            first, rest = _halves(streams)
            self.push(first, Ending())
            self.push(rest, ending)
        elif not response.is_success:
            raise self._connection.refusal(f"lines of run {self._run.run_id}", response)
        else:
            self._connection.answer(response)  # a login page of a proxy says 200 as well


def _halves(streams: Mapping[str, Lines]) -> tuple[dict[str, Lines], dict[str, Lines]]:
    """Return the first half of the lines of each stream, and the rest; of streams of one line each, half of them."""
    first: dict[str, Lines] = {}
    rest: dict[str, Lines] = {}
    if all(len(lines.content) == 1 for lines in streams.values()):
        names = list(streams)
        middle = len(names) // 2
        return {name: streams[name] for name in names[:middle]}, {name: streams[name] for name in names[middle:]}
    for name, lines in streams.items():
        middle = (len(lines.content) + 1) // 2
        for half, start, end in ((first, 0, middle), (rest, middle, len(lines.content))):
            if start < end:
                half[name] = Lines(lines.first + start, lines.content[start:end])
    return first, rest

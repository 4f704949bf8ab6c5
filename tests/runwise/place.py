"""A folder with runs, a W&B server, and the ways to deliver the one to the other."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runstore.index.indexer import Indexer
from runstore.paths import find_logs, receipts_path
from runstore.syncd.delivery import Report
from runstore.syncd.oneround import Round
from runstore.syncd.remotes.configured import RunOptions
from tests.runwise.comparable import states_of, without_alerts
from tests.runwise.spawning import Spawned, Spawner
from tests.runwise.written import FULL_ALERTS
from tests.wandbserver.recorded import JsonObject, RecordedRun
from tests.wandbserver.server import RecordingServer
from tests.wandbserver.state import differences

KEY = "0123456789" * 4
# Lines go in several pushes, so that something can happen between them.
MOST_BYTES = 2_000


@dataclass
class Place:
    """A folder whose runs are delivered to `server` from this process, or by `spawner`'s."""

    folder: Path
    server: RecordingServer

    @property
    def settings(self) -> dict[str, str]:
        """What says whereto, with which key, and where the index is."""
        server = {"WANDB_BASE_URL": self.server.url, "WANDB_API_KEY": KEY, "NETRC": str(self.folder / "netrc")}
        return {**server, "RUNSTORE_HOME": str(self.folder / "home")}

    @property
    def environment(self) -> dict[str, str]:
        """All of the environment of processes that deliver from here: nothing of this machine's."""
        kept = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder), "LANG": "C.UTF-8"}
        return {**kept, **self.settings}

    @property
    def logs(self) -> list[Path]:
        """All logs of the folder."""
        return list(find_logs(self.folder / "wandb"))

    def log(self, run_id: str) -> Path:
        """Return the only log of a run."""
        (log,) = (log for log in self.logs if log.name == f"run-{run_id}.wandb")
        return log

    def sync(self, **options: str) -> Report:
        """Deliver everything in this process; return what was done."""
        os.environ.update(self.settings)  # the caller's fixture puts it back
        with closing(Indexer()) as indexer:
            return Round("wandb", self.logs, options=RunOptions(**options)).run(indexer)

    def synced(self, **options: str) -> Report:
        """Deliver everything, which must succeed."""
        report = self.sync(**options)
        assert report.errors == {}
        assert report.verified == report.logs
        self.assert_in_order()
        return report

    def start(self, spawner: Spawner, *arguments: str, processes: int = 0) -> Spawned:
        """Begin `runstore sync` in a process of its own, which may have others, as `Spawner.start` says."""
        given = ("sync", "--remote", "wandb", "--quiet", *arguments)
        return spawner.start(self.folder, self.environment, *given, most_bytes=MOST_BYTES, processes=processes)

    def state(self) -> dict[str, JsonObject]:
        """Return all that the server holds, by run."""
        return states_of(self.server)

    def run(self, run_id: str) -> RecordedRun:
        """Return what the server holds of a run."""
        return self.server.run(run_id)

    def steps(self, run_id: str) -> list[int]:
        """Return the steps of the rows that the server holds of a run."""
        return [row["_step"] for row in self.run(run_id).history]

    def receipt(self, run_id: str) -> Any:
        """Return what is kept of the delivery of the only log of a run."""
        return json.loads(receipts_path(self.log(run_id)).read_text())

    def forget(self) -> None:
        """Delete all receipts, and the index."""
        for log in self.logs:
            receipts_path(log).unlink(missing_ok=True)
        shutil.rmtree(self.folder / "home")

    def assert_whole(self, wanted: Mapping[str, JsonObject], alerts_more: int = 0) -> None:
        """Check that the server has the full run as in `wanted`: each row and artifact once, and alerts at most so many
        times more.
        """
        state = {"full": self.state()["full"]}
        assert differences(without_alerts(wanted), without_alerts(state)) == []
        alerts = Counter(alert["title"] for alert in self.server.alerts)
        assert set(alerts) == set(FULL_ALERTS)
        assert alerts.total() - len(FULL_ALERTS) <= alerts_more
        committed = Counter(one.announced["digest"] for one in self.server.artifacts if one.committed)
        assert set(committed.values()) == {1}
        self.assert_in_order()

    def assert_in_order(self) -> None:
        """Check that the server was told nothing that is against its rules, and no line twice with another content."""
        assert self.server.errors == []
        for run in self.server.runs:
            assert (run.changed, run.gaps) == ([], []), run.run_id


@contextmanager
def place_with(runs: Path | None, folder: Path, **server: Any) -> Iterator[Place]:
    """Yield a place in an empty folder, with copies of run directories, and a server that is there meanwhile."""
    if runs is not None:
        shutil.copytree(runs, folder / "wandb", symlinks=True)
    with RecordingServer(keys=[KEY], **server) as recording:
        yield Place(folder, recording)

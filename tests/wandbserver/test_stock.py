"""What stock wandb says passes: each version delivers a run with all that a run can have; nothing is turned down."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import stock
from tests.wandbserver.recorded import JsonObject
from tests.wandbserver.server import RecordingServer
from tests.wandbserver.state import state_of

RUN = """
import sys
from pathlib import Path
import numpy as np
import wandb

run = wandb.init(project="equipment", id="k3v9q2", name="first", tags=["b", "a"], config={"lr": 0.1})
print("to stdout"); print("to stderr", file=sys.stderr)
for i in range(3):
    run.log({"loss": 1.5 - i, "nested": {"i": i}, "image": wandb.Image(np.zeros((4, 4, 3), dtype="uint8"))})
run.log({"bad": float("nan"), "table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])})
Path("a.txt").write_text("some bytes")
Path("empty").touch()
artifact = wandb.Artifact("weights", "model", metadata={"k": 1}, description="d")
artifact.add_file("a.txt", "folder/a b+c.txt")
artifact.add_file("empty")
artifact.add_reference("s3://bucket/key", checksum=False)
run.log_artifact(artifact, aliases=["best"])
run.alert("title", "text", level="WARN", wait_duration=60)
run.finish()
"""


@pytest.fixture(scope="module", params=stock.STOCK_VERSIONS)
def delivered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RecordingServer:
    """What the server has of a run that one version wrote and delivered."""
    version, folder = str(request.param), tmp_path_factory.mktemp("stock")
    written = stock.run_script(version, RUN, folder)
    assert written.returncode == 0, written.stderr
    (run_dir,) = Path(folder, "wandb").glob("offline-run-*")
    with RecordingServer(keys={stock.FAKE_API_KEY}) as server:
        done = stock.sync(version, run_dir, server.url)
    assert stock.synced_mark(run_dir).exists(), done.stderr
    return server


def test_nothing_is_turned_down(delivered: RecordingServer) -> None:
    assert (delivered.errors, delivered.refused, delivered.unknown_operations) == ([], [], [])
    run = delivered.run("k3v9q2")
    assert (run.complete, run.overwritten, run.after_complete) == (True, [], [])


def test_all_of_the_run_is_there(delivered: RecordingServer) -> None:
    state = state_of(delivered, "k3v9q2")
    assert [row["_step"] for row in state["history"]] == [0, 1, 2, 3]
    assert (state["run"]["name"], state["run"]["tags"], state["config"]) == (
        "first",
        ["a", "b"],
        {"lr": "0.1 (number)"},
    )
    assert "to stdout" in state["console"]["stdout"]
    assert "to stderr" in state["console"]["stderr"]
    assert {"config.yaml", "output.log", "requirements.txt", "wandb-summary.json"} <= set(state["files"])
    assert len([path for path in state["files"] if path.startswith("media/images/")]) == 3


def test_artifacts_are_committed_with_all_their_files(delivered: RecordingServer) -> None:
    held: dict[str, JsonObject] = state_of(delivered, "k3v9q2")["artifacts"]
    assert all(artifact["committed"] for artifact in held.values())
    (weights,) = (artifact for title, artifact in held.items() if title.startswith("model/weights:"))
    assert weights["aliases"] == ["best", "latest"]
    assert set(weights["entries"]) == {"folder/a b+c.txt", "empty", "key"}
    assert set(weights["files"]) == {"folder/a b+c.txt", "empty"}
    assert len([title for title in held if title.startswith("run_table/run-k3v9q2-table:")]) == 1


def test_alert_arrives_from_the_versions_that_deliver_alerts(delivered: RecordingServer) -> None:
    # Older versions deliver from Python, and leave alerts out.
    alerts = state_of(delivered, "k3v9q2")["alerts"]
    delivers_from_python = any(request.name == "ProbeServerCapabilities" for request in delivered.requests)
    assert [alert["severity"] for alert in alerts] == ([] if delivers_from_python else ["WARN"])

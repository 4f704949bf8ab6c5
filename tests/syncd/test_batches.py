"""Many small logs in one request: each as if it had come alone, and what does not fit goes alone."""

from __future__ import annotations

from pathlib import Path

import httpx
import orjson
import pytest

from runstore.core.segments import EMPTY_MARK
from runstore.paths import receipts_path
from runstore.syncd import receipts
from runstore.syncd.delivery import Ready
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.together import SMALL_BYTES, ship_together
from tests.syncd.hubs import RunningHub, log_id_of, mark_of, random_bytes
from tests.timing import PATIENCE_SECONDS

LOGS = [random_bytes(20_000 + n, seed=n) for n in range(5)]
IDS = [log_id_of(data) for data in LOGS]


@pytest.fixture
def ready(tmp_path: Path) -> list[Ready]:
    made = []
    for n, data in enumerate(LOGS):
        log = tmp_path / "wandb" / f"offline-run-20250102_030405-r{n}" / f"run-r{n}.wandb"
        log.parent.mkdir(parents=True)
        log.write_bytes(data)
        made.append(Ready(log, IDS[n], len(data), 20, f"r{n}"))
    return made


def shipped(remote: HubRemote, ready: list[Ready]) -> dict[str, tuple[int, int]]:
    done = ship_together(ready, remote, lambda size: None)
    assert all(shipment.verified for shipment in done.values())
    return {log.stem: (shipment.bytes_sent, shipment.records) for log, shipment in done.items()}


def test_each_log_of_a_batch_is_kept_as_if_it_had_come_alone(hub: RunningHub, remote: HubRemote) -> None:
    marks = remote.append_all([(log_id, 0, data) for log_id, data in zip(IDS, LOGS, strict=True)])
    assert marks == [mark_of(data) for data in LOGS]
    assert [hub.log_file(log_id).read_bytes() for log_id in IDS] == LOGS
    assert [remote.mark(log_id) for log_id in IDS] == marks


def test_one_that_is_refused_keeps_none_of_the_others_from_being_kept(hub: RunningHub, remote: HubRemote) -> None:
    remote.append(IDS[1], 0, LOGS[1][:100] + b"other")
    ranges = [(IDS[0], 0, LOGS[0]), (IDS[1], 0, LOGS[1]), (IDS[2], 50, LOGS[2][50:]), (IDS[3], 0, b"")]
    assert remote.append_all(ranges) == [mark_of(LOGS[0]), None, EMPTY_MARK, EMPTY_MARK]
    assert remote.mark(IDS[1]).size == 105
    assert not hub.log_file(IDS[3]).exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}\n",
        b'{"logs": [1]}\n',
        b'{"logs": []}',
        b'{"logs": []}\nmore',
        orjson.dumps({"logs": [{"log_id": IDS[0], "offset": 0, "size": 9}]}) + b"\n12345",
        orjson.dumps({"logs": [{"log_id": IDS[0], "offset": -1, "size": 0}]}) + b"\n",
        orjson.dumps({"logs": [{"log_id": "../x", "offset": 0, "size": 0}]}) + b"\n",
        orjson.dumps({"logs": [{"log_id": IDS[0], "offset": 0, "size": 1}] * 2}) + b"\n12",
        orjson.dumps({"logs": [{"log_id": f"{n:064x}", "offset": 0, "size": 0} for n in range(1001)]}) + b"\n",
    ],
)
def test_what_is_no_batch_is_refused_and_nothing_is_kept(hub: RunningHub, body: bytes) -> None:
    answer = httpx.post(
        f"{hub.url}/v1/logs", content=body, headers={"Authorization": f"Bearer {hub.token}"}, timeout=PATIENCE_SECONDS
    )
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert not list(hub.data.rglob("log.wandb"))


def test_small_logs_go_together_then_only_what_is_new_then_nothing(remote: HubRemote, ready: list[Ready]) -> None:
    assert shipped(remote, ready) == {f"run-r{n}": (20_000 + n, 20) for n in range(5)}
    with ready[0].log.open("ab") as file:
        file.write(bytes(1000))
    ready[0] = Ready(ready[0].log, IDS[0], 21_000, 23, "r0")
    assert shipped(remote, ready) == {"run-r0": (1000, 3), **{f"run-r{n}": (0, 0) for n in range(1, 5)}}
    kept = receipts_path(ready[1].log).stat().st_mtime_ns
    assert set(shipped(remote, ready).values()) == {(0, 0)}
    assert receipts_path(ready[1].log).stat().st_mtime_ns == kept
    (receipt,) = receipts.load(ready[0].log, IDS[0]).values()
    assert (receipt.size, receipt.records, receipt.files_left) == (21_000, 23, 0)
    assert remote.counters()["log_bytes_received"] == sum(map(len, LOGS)) + 1000


def test_a_log_whose_receipt_is_lost_goes_alone_so_that_nothing_is_sent_twice(
    remote: HubRemote, ready: list[Ready]
) -> None:
    shipped(remote, ready)
    receipts_path(ready[2].log).unlink()
    assert "run-r2" not in shipped(remote, ready)
    assert remote.counters()["log_bytes_received"] == sum(map(len, LOGS))


def test_what_is_large_or_contradicts_or_is_gone_is_left_to_go_alone(remote: HubRemote, ready: list[Ready]) -> None:
    ready[0].log.write_bytes(random_bytes(SMALL_BYTES + 1))
    ready[0] = Ready(ready[0].log, IDS[0], SMALL_BYTES + 1, 20, "r0")
    remote.append(IDS[1], 0, b"other")
    ready[2].log.unlink()
    ready[3].log.write_bytes(LOGS[3][:100])  # shorter than its index says
    assert set(shipped(remote, ready)) == {"run-r4"}


def test_an_older_hub_gets_each_log_alone(
    remote: HubRemote, ready: list[Ready], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "takes_batches", lambda: False)
    assert shipped(remote, ready) == {}

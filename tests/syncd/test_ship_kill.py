"""SIGKILL at the worst moments, in real processes: nothing is lost, nothing is sent twice, digests are equal after."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import pytest

from runstore.errors import RemoteUnreachable
from runstore.syncd.hub.auth import Tokens
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.sending import RANGE_BYTES
from runstore.syncd.shipper import ship
from tests.syncd.hubs import RunningHub, hub_process, log_below, log_id_of, mark_of, program, random_bytes
from tests.timing import PATIENCE_SECONDS, eventually

DATA = random_bytes(2 * RANGE_BYTES + 12_345)
LOG = log_id_of(DATA)

SHIPPER_PROGRAM = """
import os, signal, sys
from pathlib import Path
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.shipper import ship

log, log_id, url, token, fatal_range, fatal_moment = sys.argv[1:]

class Fatal(HubRemote):
    ranges = 0

    def takes_streams(self):
        return False

    def append(self, log_id, offset, data):
        self.ranges += 1
        fatal = self.ranges == int(fatal_range)
        if fatal and fatal_moment == "before-send":
            os.kill(os.getpid(), signal.SIGKILL)
        mark = super().append(log_id, offset, data)
        if fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return mark

ship(Path(log), log_id, os.path.getsize(log), 1, Fatal(url, token))
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return log_below(tmp_path, DATA)


@pytest.mark.parametrize("moment", ["before-send", "before-acknowledgement"])
@pytest.mark.parametrize("fatal_range", [1, 2, 3])
def test_shipper_killed_between_send_and_acknowledgement_sends_nothing_twice(
    hub: RunningHub, log: Path, fatal_range: int, moment: str
) -> None:
    with program(SHIPPER_PROGRAM, str(log), LOG, hub.url, hub.token, str(fatal_range), moment) as shipper:
        assert shipper.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    remote = hub.remote()
    shipment = ship(log, LOG, len(DATA), 1, remote)
    counters = remote.counters()
    assert shipment.verified
    assert counters["log_bytes_accepted"] == counters["log_bytes_received"] == len(DATA)
    assert hub.log_file(LOG).read_bytes() == DATA
    assert remote.mark(LOG) == mark_of(DATA)
    remote.close()


STREAMING_PROGRAM = """
import os, signal, sys
from pathlib import Path
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.shipper import ship

log, log_id, url, token, fatal_bytes = sys.argv[1:]
sent = 0

def progress(size):
    global sent
    sent += size
    if sent >= int(fatal_bytes):
        os.kill(os.getpid(), signal.SIGKILL)

ship(Path(log), log_id, os.path.getsize(log), 1, HubRemote(url, token), progress=progress)
"""


@pytest.mark.parametrize("fatal_bytes", [1, RANGE_BYTES + 1, len(DATA)])
def test_shipper_killed_amid_a_stream_sends_little_twice(hub: RunningHub, log: Path, fatal_bytes: int) -> None:
    with program(STREAMING_PROGRAM, str(log), LOG, hub.url, hub.token, str(fatal_bytes)) as shipper:
        assert shipper.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    remote = hub.remote()
    least = min(fatal_bytes, RANGE_BYTES) - (512 << 10)
    eventually(lambda: remote.mark(LOG).size >= least)  # what is on its way still arrives
    assert ship(log, LOG, len(DATA), 1, remote).verified
    counters = remote.counters()
    assert counters["log_bytes_accepted"] == len(DATA)
    piece = RANGE_BYTES + (512 << 10)  # the hub stores by so much, and what came in one go with the end of it
    assert counters["log_bytes_received"] <= len(DATA) + piece
    assert hub.log_file(LOG).read_bytes() == DATA
    assert remote.mark(LOG) == mark_of(DATA)
    remote.close()


def token_for(data: Path) -> str:
    tokens = Tokens(data)
    token = tokens.create("laptop")
    tokens.close()
    return token


def test_hub_killed_between_append_and_index_catches_up_when_it_starts(tmp_path: Path, log: Path) -> None:
    data = tmp_path / "hub"
    token = token_for(data)
    with hub_process(data, "killed-before-index") as (url, process):
        remote = HubRemote(url, token)
        with contextlib.suppress(RemoteUnreachable):  # the kill may come before the answer is on its way
            remote.append(LOG, 0, DATA[:1000])
        assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
        remote.close()
    with hub_process(data) as (url, _):
        remote = HubRemote(url, token)
        remote.runs()  # answers when everything acknowledged before is indexed
        assert (data / "indexed.txt").read_text() == LOG + "\n"
        shipment = ship(log, LOG, len(DATA), 1, remote)
        assert (shipment.verified, shipment.bytes_sent) == (True, len(DATA) - 1000)
        assert remote.mark(LOG) == mark_of(DATA)
        remote.close()


@pytest.mark.parametrize("ranges", [1, 5, 20])
def test_hub_killed_among_appends_keeps_all_that_it_acknowledged(tmp_path: Path, log: Path, ranges: int) -> None:
    data = tmp_path / "hub"
    token, step = token_for(data), 50_000
    with hub_process(data) as (url, process):
        remote = HubRemote(url, token)
        for offset in range(0, ranges * step, step):
            acknowledged = remote.append(LOG, offset, DATA[offset : offset + step])
        process.kill()
        remote.close()
    with hub_process(data) as (url, _):
        remote = HubRemote(url, token)
        assert remote.mark(LOG) == acknowledged == mark_of(DATA[: ranges * step])
        assert ship(log, LOG, len(DATA), 1, remote).verified
        assert remote.counters()["log_bytes_received"] == len(DATA) - ranges * step
        remote.close()

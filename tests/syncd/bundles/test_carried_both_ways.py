"""A daemon that keeps a folder supplied, whoever empties it outside, and what `status` says meanwhile."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.syncd.bundles.carrier import Carrier
from runstore.syncd.bundles.mirroring import Mirror
from runstore.syncd.bundles.opening import Trust
from runstore.syncd.delivery import Ready
from runstore.syncd.receipts import Receipt
from runstore.syncd.remotes.bundle import BundleOptions
from tests.commands import ONE_RUN, Bench
from tests.syncd.bundles.test_folder_target import Place
from tests.timing import PATIENCE_SECONDS, eventually


@pytest.fixture
def benches(tmp_path: Path) -> tuple[Bench, Bench]:
    for name in ("inside", "outside", "link"):
        (tmp_path / name).mkdir()
    inside, outside = Bench(tmp_path / "inside"), Bench(tmp_path / "outside")
    assert inside.train(ONE_RUN).returncode == 0
    inside.runstore("remote", "add", "out", "../link", "--kind", "bundle", "--every", "1s")
    return inside, outside


def state_of(bench: Bench) -> str:
    """Return what `status` says of the one run at the folder."""
    done = bench.command("status", "--json")
    (run,) = json.loads(done.stdout)["runs"]
    (target,) = run["targets"]
    assert target["name"] == "out"
    return str(target["state"])


@contextlib.contextmanager
def mirror(bench: Bench, *arguments: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "runstore", "bundle", "import", "--watch", "../link", *arguments],
        cwd=bench.folder,
        env=bench.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("importing what appears")
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        process.stdout.close() if process.stdout else None
    assert process.returncode == 0


def test_sync_writes_a_bundle_and_takes_the_receipt(benches: tuple[Bench, Bench], tmp_path: Path) -> None:
    inside, outside = benches
    first = inside.json("sync", "--remote", "out")
    assert (len(first["parts"]), first["logs_proven"], first["logs_waiting"]) == (1, 0, 1)
    assert state_of(inside) == "waiting for a receipt"
    assert inside.json("sync", "--remote", "out")["bundle"] is None
    outside.runstore("bundle", "import", first["parts"][0])
    assert "receipts prove 1 logs" in inside.runstore("sync", "--remote", "out").stdout
    assert state_of(inside) == "delivered"
    inside.runstore("status", code=0)
    assert not list((tmp_path / "link").glob("*.tar.zst"))
    (entry,) = inside.json("remote", "list")
    assert (entry["kind"], entry["bundles"]["every_seconds"]) == ("bundle", 1.0)
    assert inside.sentence("remote", "add", "lab", "http://127.0.0.1:1", "--every", "1h", code=2)


def test_a_daemon_and_a_mirror_deliver_without_a_hand(benches: tuple[Bench, Bench], tmp_path: Path) -> None:
    inside, outside = benches
    with inside.daemon():
        eventually(lambda: list((tmp_path / "link").glob("*.tar.zst")))
        eventually(lambda: state_of(inside) == "waiting for a receipt")
        with mirror(outside):
            eventually(lambda: state_of(inside) == "delivered")
    assert outside.json("runs", "show", "one") == inside.json("runs", "show", "one")


def test_a_carrier_tells_of_proofs_and_of_a_folder_that_is_gone(tmp_path: Path) -> None:
    place = Place(tmp_path, BundleOptions())
    place.log("r1", range(10))
    (what,) = place.ready()
    proofs: list[tuple[Ready, str, Receipt]] = []
    carrier = Carrier("out", place.out, BundleOptions(), None, lambda *proof: proofs.append(proof), look_seconds=0.01)
    carrier.give(what)
    assert carrier.status()["logs_waiting"] == 1
    carrier.start()
    eventually(place.parts)
    eventually(lambda: (one := carrier.standing(what.log)) and one.state == "waiting for a receipt")
    place.carry()
    eventually(lambda: proofs)
    eventually(lambda: (one := carrier.standing(what.log)) and one.state == "verified")
    for path in place.out.iterdir():
        path.unlink()
    place.out.rmdir()
    eventually(lambda: "mount it" in carrier.status()["last_error"])
    assert carrier.status()["state"] == "waiting"
    place.out.mkdir()
    carrier.resume()
    eventually(lambda: not carrier.status()["last_error"])
    carrier.pause()
    assert carrier.status()["state"] == "paused"
    carrier.forget(what.log)
    assert carrier.standing(what.log) is None
    carrier.stop(PATIENCE_SECONDS)


def test_a_mirror_waits_for_parts_that_are_still_copied_and_takes_each_once(tmp_path: Path) -> None:
    place = Place(tmp_path, BundleOptions())
    place.log("r1", range(10))
    place.work()
    (part,) = place.parts()
    data = part.read_bytes()
    link, into = tmp_path / "link", tmp_path / "outside" / "wandb"
    link.mkdir()
    mirror = Mirror(link, into, Trust())
    copied = link / part.name
    copied.write_bytes(data[:100])
    assert mirror.look().parts == 0
    assert list(mirror.look().errors) == [copied]  # it has not changed: for all we know, that is all of it
    assert mirror.look().errors == {}
    copied.write_bytes(data)
    assert mirror.look().parts == 0
    taken = mirror.look()
    assert (taken.parts, len(taken.receipts)) == (1, 1)
    assert mirror.look().parts == 0
    again = Mirror(link, into, Trust())  # another process: the receipt says that it was taken
    assert (again.look().parts, again.look().parts) == (0, 0)
    assert place.is_same_outside()

"""Disks, network, processes and what SLURM tells, as sources of system metrics."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from runstore.sdk.system.cgroup import Limits
from runstore.sdk.system.disk import Disks, devices_below
from runstore.sdk.system.machine import machine_description
from runstore.sdk.system.memory import Memory
from runstore.sdk.system.network import Network, _retransmitted
from runstore.sdk.system.process import ProcessUse, descendants
from runstore.sdk.system.slurm import slurm_variables
from runstore.sdk.system.source import Options, SinceStart
from runstore.settings import resolve


def test_counters_are_counted_from_when_each_was_first_seen() -> None:
    since = SinceStart()
    assert since.counted({"a": 100}) == {"a": 0.0}
    assert since.counted({"a": 130, "b": 7}) == {"a": 30.0, "b": 0.0}
    assert since.counted({"a": 4, "b": 9}) == {"a": 0.0, "b": 2.0}  # a was set back


def test_settings_say_what_is_sampled() -> None:
    options = Options.of(
        resolve({"x_stats_disk_paths": ["/", "/tmp"], "x_stats_gpu_device_ids": [1], "x_label": "a"}), 7
    )
    assert (options.disk_paths, options.gpu_device_ids, options.label) == (("/", "/tmp"), (1,), "a")
    assert (options.pid, options.interval_seconds, options.track_process_tree) == (7, 15.0, False)


# Disks.


def test_disks_give_use_and_traffic_since_the_start() -> None:
    source = Disks(("/", "/no such folder"))
    first = source.samples()
    usage = psutil.disk_usage("/")
    assert first["disk./.usageGB"] == pytest.approx(usage.used / (1 << 30), rel=0.05)
    assert 0 < first["disk./.usagePercent"] <= 100
    assert not any("no such folder" in key for key in first)
    traffic = {key for key in first if key.endswith((".in", ".out"))}
    assert all(first[key] == 0.0 for key in traffic)
    assert traffic <= source.samples().keys()


def mounted(folder: Path, *lines: str) -> tuple[Path, Path]:
    """Return a /proc and a /sys with these mounts."""
    proc, sys_ = folder / "proc", folder / "sys"
    (proc / "1").mkdir(parents=True)
    (proc / "1/mountinfo").write_text("\n".join(lines))
    (proc / "filesystems").write_text("nodev\tsysfs\nnodev\toverlay\n\text4\n\txfs\n\tbtrfs\n\tsquashfs\n")
    (sys_ / "dev/block").mkdir(parents=True)
    return proc, sys_


def test_devices_whose_mount_point_begins_the_path_count(tmp_path: Path) -> None:
    places = mounted(
        tmp_path,
        "20 1 259:2 / / rw - ext4 /dev/nvme0n1p2 rw",
        "21 20 8:17 / /data rw - xfs /dev/sdb1 rw",
        "22 20 8:17 /part /data/part rw - xfs /dev/sdb1 rw",  # a bind mount
        "23 20 0:5 / /proc rw - proc proc rw",
    )
    assert devices_below(["/"], ["nvme0n1p2", "sdb1"], *places) == {"nvme0n1p2"}
    assert devices_below(["/data"], ["nvme0n1p2", "sdb1"], *places) == {"nvme0n1p2", "sdb1"}
    assert devices_below(["/"], ["sdb1", "loop0", "zram0"], *places) == {"sdb1"}  # none matches: all that are real


def test_in_a_container_all_mounted_devices_stand_for_the_root(tmp_path: Path) -> None:
    places = mounted(
        tmp_path,
        "30 1 0:40 / / rw - overlay overlay rw",
        "31 30 8:1 / /boot rw - ext4 /dev/sda1 rw",
        "32 30 7:0 / /snap/core rw - squashfs /dev/loop0 ro",
        "33 30 0:41 /home /home rw - btrfs /dev/sdd1 rw,subvol=/home",
    )
    assert devices_below(["/"], ["sda1", "loop0", "nvme0n1", "sdd1"], *places) == {"sda1", "sdd1"}


def test_the_device_that_was_booted_from_has_its_real_name(tmp_path: Path) -> None:
    proc, sys_ = mounted(tmp_path, "20 1 259:1 / / rw - ext4 /dev/root rw")
    (sys_ / "dev/block/259:1").symlink_to("../../devices/pci/nvme0n1p1")
    assert devices_below(["/"], ["nvme0n1p1", "sda"], proc, sys_) == {"nvme0n1p1"}


# Network.


def test_network_begins_at_zero_and_knows_its_keys() -> None:
    source = Network()
    assert set(source.samples().values()) == {0.0}
    assert {"network.sent", "network.recv"} <= source.samples().keys()


def test_loopback_and_parts_of_a_bond_do_not_count(tmp_path: Path) -> None:
    for name, flags in (("eth0", "0x1003"), ("loop7", "0x9"), ("eth1", "0x1803")):
        (tmp_path / "class/net" / name).mkdir(parents=True)
        (tmp_path / "class/net" / name / "flags").write_text(f"{flags}\n")
    (tmp_path / "class/net/eth1/master").mkdir()
    source = Network(sys=tmp_path)
    counted = [name for name in ("lo", "eth0", "loop7", "eth1", "unknown") if source._leads_elsewhere(name)]
    assert counted == ["eth0", "unknown"]


def test_segments_sent_again_are_read_from_tcps_line(tmp_path: Path) -> None:
    assert _retransmitted(tmp_path) is None
    (tmp_path / "net").mkdir()
    text = "Ip: Forwarding TTL\nIp: 1 64\nTcp: RtoMin RetransSegs OutRsts\nTcp: 200 42 7\n"
    (tmp_path / "net/snmp").write_text(text)
    assert _retransmitted(tmp_path) == 42


# Memory and processes.


def test_memory_of_the_machine() -> None:
    found = Memory(Limits()).samples()
    assert 0 < found["memory_percent"] < 100
    assert found.keys() == {"memory_percent", "proc.memory.availableMB"}


def test_cpu_is_of_the_cpus_that_may_be_used_and_since_the_sample_before() -> None:
    now = [100.0]
    source = ProcessUse(os.getpid(), False, Limits(cpus=2.0), clock=lambda: now[0])
    assert "cpu" not in source.samples()
    spin_until = time.process_time() + 0.1
    while time.process_time() < spin_until:
        pass
    now[0] += 1.0
    # A tenth of a second of one CPU, of two CPUs' second; the system counts in hundredths.
    assert source.samples()["cpu"] == pytest.approx(5.0, abs=1.5)


def test_descendants_count_only_where_that_is_asked() -> None:
    held = "import sys; data = b'x' * 50_000_000; print('ready', flush=True); sys.stdin.read()"
    grandchild = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {held!r}]))"
    command = [sys.executable, "-c", grandchild]
    alone, with_all = (ProcessUse(os.getpid(), tree, Limits()) for tree in (False, True))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        of_one, of_all = alone.samples(), with_all.samples()
        tree = descendants(os.getpid())
        child.communicate()
    assert tree[0] == os.getpid()
    assert child.pid in tree
    assert len(tree) >= 3
    assert of_all["proc.memory.rssMB"] > of_one["proc.memory.rssMB"] + 50
    assert of_all["proc.cpu.threads"] >= of_one["proc.cpu.threads"] + 2


def test_descendants_are_found_without_the_kernels_lists(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = descendants(os.getpid(), proc=tmp_path)
        child.communicate(b"\n")
    assert found[0] == os.getpid()
    assert child.pid in found


def test_a_process_that_is_gone_is_an_error() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(psutil.NoSuchProcess):
        ProcessUse(ended.pid, True, Limits()).samples()


# What the machine is.


def test_slurm_variables_have_stocks_names() -> None:
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n[1-2]", "HOME": "/root", "XSLURM_A": "b", "SLURM_ODD": "\udcff"}
    assert slurm_variables(job) == {"job_id": "7", "job_nodelist": "n[1-2]", "odd": "?"}
    assert slurm_variables({"HOME": "/root"}) == {}


def test_the_machine_is_described_under_stocks_names() -> None:
    found = machine_description()
    assert found["cpu_count_logical"] == psutil.cpu_count()
    assert found["memory"] == {"total": str(psutil.virtual_memory().total)}
    assert found["disk"].keys() == {"/"}
    assert int(found["disk"]["/"]["total"]) > int(found["disk"]["/"]["used"]) > 0


def test_settings_override_the_counts() -> None:
    given = Options(cpu_count=3, cpu_logical_count=5, gpu_count=2, gpu_type="toy", disk_paths=("/no such folder",))
    found = machine_description(given)
    assert (found["cpu_count"], found["cpu_count_logical"], found["gpu_count"], found["gpu"]) == (3, 5, 2, "toy")
    assert "disk" not in found

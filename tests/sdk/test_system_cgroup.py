"""The limits that a process is under, read from trees of files as the kernel shows them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runstore.sdk.system.cgroup import Limits, limits_of
from runstore.sdk.system.memory import Memory
from runstore.sdk.system.mounts import read_mounts
from runstore.sdk.system.process import ProcessUse

GIB = 1 << 30
ENDLESS = 9_223_372_036_854_771_712  # version 1's way to say that there is no limit


class Machine:
    """A /proc and a /sys/fs/cgroup for this process, below a folder of the test's."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.groups = folder / "a folder"  # with a space, which mountinfo writes as \\040
        self.mounts: list[str] = []

    def write(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def mount(self, point: Path, kind: str, root: str = "/", options: str = "rw") -> None:
        escaped = str(point).replace(" ", "\\040")
        self.mounts.append(f"30 23 0:{len(self.mounts)} {root} {escaped} rw shared:4 - {kind} {kind} {options}")

    def limits(self, cgroup: str, logical_cpus: int = 0) -> Limits:
        pid = os.getpid()
        self.write(self.proc / str(pid) / "cgroup", cgroup)
        self.write(self.proc / str(pid) / "mountinfo", "\n".join([*self.mounts, "nonsense", ""]))
        return limits_of(pid, logical_cpus, self.proc)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_container_of_version_2(machine: Machine) -> None:
    own = machine.groups / "pod1/container2"
    machine.mount(machine.groups, "cgroup2", root="/kubepods")
    machine.write(own / "memory.max", f"{8 * GIB}\n")
    machine.write(own / "memory.current", f"{7 * GIB}\n")
    machine.write(own / "memory.events", "oom 3\noom_kill 2\n")
    machine.write(own / "cpu.max", "250000 100000\n")
    machine.write(own / "cpu.stat", "usage_usec 12\nnr_periods 100\nnr_throttled 10\n")
    limits = machine.limits("0::/kubepods/pod1/container2\n")
    assert (limits.memory_bytes, limits.memory_use(), limits.cpus) == (8 * GIB, 7 * GIB, 2.5)
    assert (limits.out_of_memory_kills(), limits.throttling()) == (2, (100, 10))


def test_a_limit_set_on_the_job_counts_for_its_tasks_with_what_the_whole_job_uses(machine: Machine) -> None:
    job = machine.groups / "system.slice/job_7"
    machine.mount(machine.groups, "cgroup2")
    machine.write(job / "memory.max", f"{4 * GIB}\n")
    machine.write(job / "memory.current", f"{3 * GIB}\n")
    machine.write(job / "cpu.max", "max 100000\n")
    machine.write(job / "step_0/task_0/memory.max", "max\n")
    machine.write(job / "step_0/task_0/memory.current", f"{GIB}\n")
    machine.write(job / "step_0/cpu.max", "400000 100000\n")
    limits = machine.limits("0::/system.slice/job_7/step_0/task_0\n")
    assert (limits.memory_bytes, limits.memory_use(), limits.cpus) == (4 * GIB, 3 * GIB, 4.0)


def test_a_container_of_version_1(machine: Machine) -> None:
    memory, cpu = machine.groups / "memory", machine.groups / "cpu,cpuacct"
    machine.mount(memory, "cgroup", root="/docker/abc", options="rw,memory")
    machine.mount(cpu, "cgroup", root="/docker/abc", options="rw,cpu,cpuacct")
    machine.write(memory / "memory.limit_in_bytes", f"{2 * GIB}\n")
    machine.write(memory / "memory.usage_in_bytes", f"{GIB}\n")
    machine.write(memory / "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n")
    machine.write(cpu / "cpu.cfs_quota_us", "150000\n")
    machine.write(cpu / "cpu.cfs_period_us", "100000\n")
    limits = machine.limits("4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n")
    assert (limits.memory_bytes, limits.memory_use(), limits.cpus) == (2 * GIB, GIB, 1.5)
    assert limits.out_of_memory_kills() == 5


def test_no_limits_are_none(machine: Machine) -> None:
    machine.mount(machine.groups / "unified", "cgroup2")
    machine.mount(machine.groups / "memory", "cgroup", options="rw,memory")
    machine.mount(machine.groups / "cpu", "cgroup", options="rw,cpu")
    machine.write(machine.groups / "memory/memory.limit_in_bytes", f"{ENDLESS}\n")
    machine.write(machine.groups / "cpu/cpu.cfs_quota_us", "-1\n")
    machine.write(machine.groups / "cpu/cpu.cfs_period_us", "100000\n")
    assert machine.limits("4:memory:/\n3:cpu:/\n0::/\n") == Limits()


def test_a_system_without_cgroups_has_no_limits(tmp_path: Path) -> None:
    assert limits_of(os.getpid(), 0, tmp_path) == Limits()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no CPU affinity")
def test_a_process_bound_to_some_cpus_may_use_those(machine: Machine) -> None:
    allowed = len(os.sched_getaffinity(0))
    assert machine.limits("", logical_cpus=allowed).cpus is None
    assert machine.limits("", logical_cpus=allowed + 6).cpus == allowed


def test_memory_is_measured_against_the_limit(machine: Machine) -> None:
    machine.mount(machine.groups, "cgroup2")
    machine.write(machine.groups / "memory.max", f"{8 * GIB}")
    machine.write(machine.groups / "memory.current", f"{7 * GIB}")
    machine.write(machine.groups / "memory.events", "oom_kill 1\n")
    limits = machine.limits("0::/\n")
    source = Memory(limits)
    expected = {"memory_percent": 87.5, "proc.memory.availableMB": 1024.0, "proc.memory.oomKills": 0.0}
    assert source.samples() == expected
    machine.write(machine.groups / "memory.events", "oom_kill 3\n")
    assert source.samples()["proc.memory.oomKills"] == 2.0
    of_process = ProcessUse(os.getpid(), False, limits).samples()
    assert of_process["proc.memory.percent"] == of_process["proc.memory.rssMB"] / 8192 * 100


def test_throttling_is_of_the_periods_since_the_last_sample(machine: Machine) -> None:
    machine.mount(machine.groups, "cgroup2")
    machine.write(machine.groups / "cpu.max", "100000 100000")
    machine.write(machine.groups / "cpu.stat", "nr_periods 100\nnr_throttled 10\n")
    source = ProcessUse(os.getpid(), False, machine.limits("0::/\n"))
    assert "proc.cpu.throttledPercent" not in source.samples()
    machine.write(machine.groups / "cpu.stat", "nr_periods 140\nnr_throttled 20\n")
    assert source.samples()["proc.cpu.throttledPercent"] == 25.0


def test_mounts_are_read_with_their_escapes(tmp_path: Path) -> None:
    file = tmp_path / "mountinfo"
    file.write_text("36 35 98:0 /a /mnt/two\\040words rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue\n\n")
    (mount,) = read_mounts(file)
    assert (mount.device_id, mount.root, mount.point) == ("98:0", "/a", "/mnt/two words")
    assert (mount.kind, mount.source, mount.options) == ("ext4", "/dev/sda1", "rw,errors=continue")

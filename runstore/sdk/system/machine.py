"""What the machine is: processors, memory, disks and GPUs, under the JSON names of W&B's wandb-metadata.json.

Numbers of bytes are strings there, as protobuf writes 64-bit integers in JSON. Asking takes from some milliseconds to
seconds (a GPU's driver may have to wake up), so do it beside the training, not before it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import ModuleType
from typing import Any

from runstore.sdk.system.mounts import PROC, SYS
from runstore.sdk.system.nvidia import memory_of, nvml_if_present
from runstore.sdk.system.source import Options

_ARCHITECTURES = dict(
    enumerate(("Kepler", "Maxwell", "Pascal", "Volta", "Turing", "Ampere", "Ada", "Hopper", "Blackwell"), start=2)
)


def machine_description(options: Options | None = None) -> dict[str, Any]:
    """Return what is known of the machine; without the keys of what it has not, or does not tell.

    `options` may override the counts, and names the disks. Never raises for what can't be read.
    """
    options = options or Options()
    known = {**_processors(), **_memory(), **_disks(options.disk_paths), **_gpus()}
    given = {
        "cpu_count": options.cpu_count,
        "cpu_count_logical": options.cpu_logical_count,
        "gpu_count": options.gpu_count,
        "gpu": options.gpu_type,
    }
    return known | {name: value for name, value in given.items() if value}


def _processors() -> dict[str, Any]:
    import psutil

    found = {"cpu_count": psutil.cpu_count(logical=False), "cpu_count_logical": psutil.cpu_count()}
    known: dict[str, Any] = {name: count for name, count in found.items() if count}
    with contextlib.suppress(OSError):
        for line in (PROC / "cpuinfo").read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return {**known, "cpu": {"model": value.strip()}}
    return known


def _memory() -> dict[str, Any]:
    import psutil

    with contextlib.suppress(OSError, RuntimeError):
        return {"memory": {"total": str(psutil.virtual_memory().total)}}
    return {}


def _disks(paths: tuple[str, ...]) -> dict[str, Any]:
    import psutil

    disks = {}
    for path in paths:
        with contextlib.suppress(OSError):
            usage = psutil.disk_usage(path)
            disks[path] = {"total": str(usage.total), "used": str(usage.used)}
    return {"disk": disks} if disks else {}


def _gpus() -> dict[str, Any]:
    try:
        nvml = nvml_if_present()
    except Exception:  # whatever a driver that can't be used raises: it describes no GPU
        return {}
    if nvml is None:
        return {}
    try:
        return gpus_description(nvml)
    except nvml.NVMLError:
        return {}
    finally:
        nvml.nvmlShutdown()


def gpus_description(nvml: ModuleType, sys: Path = SYS) -> dict[str, Any]:
    """Return the GPUs and the version of CUDA that their driver has. Raises NVMLError where it tells not even that."""
    version = nvml.nvmlSystemGetCudaDriverVersion_v2()
    count = nvml.nvmlDeviceGetCount()
    gpus = []
    for index in range(count):
        with contextlib.suppress(nvml.NVMLError):
            gpus.append(_gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(index), sys))
    named = {"gpu": gpus[0]["name"]} if gpus and "name" in gpus[0] else {}
    cuda = {"cudaVersion": f"{version // 1000}.{version % 1000 // 10}"}
    return {**named, "gpu_count": count, "gpu_nvidia": gpus, **cuda} if count else cuda


def _gpu(nvml: ModuleType, device: Any, sys: Path) -> dict[str, Any]:
    """Return what one GPU tells of itself."""
    asked = {
        "name": nvml.nvmlDeviceGetName,
        "memoryTotal": lambda device: str(memory_of(nvml, device).total),
        "cudaCores": nvml.nvmlDeviceGetNumGpuCores,
        "architecture": lambda device: _ARCHITECTURES[nvml.nvmlDeviceGetArchitecture(device)],
        "uuid": nvml.nvmlDeviceGetUUID,
        "pciBusId": lambda device: _text(nvml.nvmlDeviceGetPciInfo(device).busId),
    }
    known: dict[str, Any] = {}
    for name, ask in asked.items():
        with contextlib.suppress(nvml.NVMLError, KeyError):
            value = ask(device)
            known[name] = _text(value) if isinstance(value, bytes) else value
    with contextlib.suppress(KeyError, OSError, ValueError):
        # NVML writes the domain with eight digits, Linux with four.
        node = int((sys / "bus/pci/devices" / known["pciBusId"][-12:].lower() / "numa_node").read_text())
        if node > 0:  # 0 is protobuf's default, which JSON leaves out
            known["numaNode"] = node
    return known


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

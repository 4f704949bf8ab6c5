"""NVIDIA's GPUs, through NVML, under the names and with the number types of W&B's system metrics.

The keys are `gpu.<index>.<name>`, by NVML's index: neither CUDA_VISIBLE_DEVICES nor the order of CUDA changes it. Of a
GPU that the run's processes use, the values that say how busy it is are there again as `gpu.process.<index>.<name>`.
A GPU that is cut up by MIG refuses its utilisation; its devices are added as `gpu.<index>.mig.<device>.<name>`.

What a GPU refuses for good is asked only once. What fails otherwise is left out of one sample. A GPU that is gone is
left out of all that follow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from types import ModuleType
from typing import Any

from runstore.sdk.system.gpm import Profile
from runstore.sdk.system.source import Values

Device = Any  # a pointer of NVML's
Say = Callable[[str], None]

MIG_ENABLED = 1
_KIB = 1024.0
_OF_PROCESS = frozenset(
    (
        *("gpu", "memory", "memoryAllocated", "memoryAllocatedBytes", "temp"),
        *("powerWatts", "enforcedPowerLimitWatts", "powerPercent"),
    )
)


class Gpus:
    """A source: all GPUs, or those whose index is in `chosen`.

    `nvml` is the module pynvml, initialised; `processes` returns the ids of the run's processes; `say` tells the user.
    """

    def __init__(self, nvml: ModuleType, processes: Callable[[], Collection[int]], chosen: Collection[int], say: Say):
        self._nvml = nvml
        self._processes = processes
        self._say = say
        self._gpus: dict[int, Gpu] = {}
        for index in range(nvml.nvmlDeviceGetCount()):
            if chosen and index not in chosen:
                continue
            try:
                self._gpus[index] = Gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(index))
            except nvml.NVMLError as error:  # one that another user owns, or that is broken
                say(f"GPU {index} can't be read ({error}); its system metrics are left out")

    def samples(self) -> Values:
        """Return the values of all GPUs that are there."""
        values: Values = {}
        ours = set(self._processes()) if self._gpus else set()
        for index, gpu in list(self._gpus.items()):
            try:
                of_gpu = gpu.samples()
                is_used = not ours.isdisjoint(gpu.users())
            except _kinds(self._nvml, _GONE) as error:
                del self._gpus[index]
                self._say(f"GPU {index} is gone ({error}); its system metrics end here, those of other GPUs go on")
                continue
            for name, value in of_gpu.items():
                values[f"gpu.{index}.{name}"] = value
                if is_used and name in _OF_PROCESS:
                    values[f"gpu.process.{index}.{name}"] = value
        return values

    def close(self) -> None:
        """Let go of NVML, as often as it was initialised for this."""
        self._gpus.clear()
        self._nvml.nvmlShutdown()


def nvml_if_present() -> ModuleType | None:
    """Return pynvml, initialised; None where the machine has no NVIDIA driver. To be ended with nvmlShutdown.

    Raises NVMLError where there is a driver that can't be used.
    """
    if not has_library():
        return None
    try:
        import pynvml
    except ImportError:
        return None
    module: ModuleType = pynvml
    try:
        module.nvmlInit()
    except _kinds(module, ("LibraryNotFound", "DriverNotLoaded")):
        return None
    return module


def has_library() -> bool:
    """Whether the driver's library is there; asked before pynvml, whose import takes 10 ms."""
    if sys.platform != "linux":
        return True  # it has other names and places there, which pynvml knows
    try:
        import ctypes

        ctypes.CDLL("libnvidia-ml.so.1")
    except (ImportError, OSError):
        return False
    return True


class Gpu:
    """One GPU, or one of the devices into which MIG has cut a GPU."""

    def __init__(self, nvml: ModuleType, device: Device, is_part: bool = False) -> None:
        self._nvml = nvml
        self._device = device
        self._refused: set[Reading] = set()
        self._profile: Profile | None = None
        self._parts: dict[int, Gpu] = {}
        if not is_part:  # whatever a driver says of parts of parts
            self._profile = Profile.of(nvml, device)
            self._parts = {index: Gpu(nvml, part, is_part=True) for index, part in _mig_devices(nvml, device)}

    def samples(self) -> Values:
        """Return what the device tells, by names without its index. Raises NVMLError where it is gone."""
        values: Values = {}
        for reading in READINGS if self._profile is None else _READINGS_BESIDE_PROFILE:
            values |= self._asked(reading)
        if values.get("powerWatts") is not None and values.get("enforcedPowerLimitWatts"):
            values["powerPercent"] = values["powerWatts"] / values["enforcedPowerLimitWatts"] * 100
        if self._profile is not None:
            values |= self._asked(self._profile.samples)
        for index, part in list(self._parts.items()):
            try:
                values |= {f"mig.{index}.{name}": value for name, value in part.samples().items()}
            except _kinds(self._nvml, _GONE):  # cut up anew; if it is the whole GPU, that shows soon enough
                del self._parts[index]
        return values

    def users(self) -> set[int]:
        """Return the ids of the processes that use the GPU, as far as the system shows them."""
        return self._pids(self._nvml.nvmlDeviceGetComputeRunningProcesses) | self._pids(
            self._nvml.nvmlDeviceGetGraphicsRunningProcesses
        )

    def _asked(self, reading: Reading) -> Values:
        """Return what a reading gives: nothing where the device refuses it."""
        if reading in self._refused:
            return {}
        try:
            return reading(self._nvml, self._device)
        except _kinds(self._nvml, _GONE):
            raise
        except _kinds(self._nvml, _REFUSALS):
            self._refused.add(reading)
        except self._nvml.NVMLError:
            pass
        return {}

    def _pids(self, ask: Callable[[Device], list[Any]]) -> set[int]:
        try:
            return {process.pid for process in ask(self._device)}
        except _kinds(self._nvml, _GONE):
            raise
        except self._nvml.NVMLError:
            return set()


def _mig_devices(nvml: ModuleType, device: Device) -> Iterator[tuple[int, Device]]:
    """Yield index and handle of each MIG device of a GPU; none where MIG is off or unknown."""
    try:
        current, _ = nvml.nvmlDeviceGetMigMode(device)
        count = nvml.nvmlDeviceGetMaxMigDeviceCount(device) if current == MIG_ENABLED else 0
    except nvml.NVMLError:  # most GPUs have no MIG, and a MIG device has none in it
        return
    for index in range(count):
        try:
            yield index, nvml.nvmlDeviceGetMigDeviceHandleByIndex(device, index)
        except nvml.NVMLError:  # as many as there could be, not as there are
            continue


def _utilisation(nvml: ModuleType, device: Device) -> Values:
    rates = nvml.nvmlDeviceGetUtilizationRates(device)
    return {"gpu": float(rates.gpu), "memory": rates.memory}


def _memory(nvml: ModuleType, device: Device) -> Values:
    memory = memory_of(nvml, device)
    return {"memoryAllocated": memory.used / memory.total * 100, "memoryAllocatedBytes": memory.used}


def memory_of(nvml: ModuleType, device: Device) -> Any:
    """Return `total` and `used` bytes of a device: without what the driver reserves, where it can tell that apart."""
    try:
        return nvml.nvmlDeviceGetMemoryInfo(device, version=nvml.nvmlMemory_v2)
    except _kinds(nvml, _REFUSALS):
        return nvml.nvmlDeviceGetMemoryInfo(device)


def _temperature(nvml: ModuleType, device: Device) -> Values:
    return {"temp": float(nvml.nvmlDeviceGetTemperature(device, nvml.NVML_TEMPERATURE_GPU))}


def _power(nvml: ModuleType, device: Device) -> Values:
    return {"powerWatts": nvml.nvmlDeviceGetPowerUsage(device) / 1000}


def _power_limit(nvml: ModuleType, device: Device) -> Values:
    return {"enforcedPowerLimitWatts": nvml.nvmlDeviceGetEnforcedPowerLimit(device) / 1000}


def _energy(nvml: ModuleType, device: Device) -> Values:
    return {"energyJoules": nvml.nvmlDeviceGetTotalEnergyConsumption(device) / 1000}


def _sm_clock(nvml: ModuleType, device: Device) -> Values:
    return {"smClock": nvml.nvmlDeviceGetClockInfo(device, nvml.NVML_CLOCK_SM)}


def _memory_clock(nvml: ModuleType, device: Device) -> Values:
    return {"memoryClock": nvml.nvmlDeviceGetClockInfo(device, nvml.NVML_CLOCK_MEM)}


def _corrected(nvml: ModuleType, device: Device) -> Values:
    return {"correctedMemoryErrors": _memory_errors(nvml, device, nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED)}


def _uncorrected(nvml: ModuleType, device: Device) -> Values:
    return {"uncorrectedMemoryErrors": _memory_errors(nvml, device, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED)}


def _memory_errors(nvml: ModuleType, device: Device, kind: int) -> int:
    # Those since the last reset: the count of a whole life never falls again, also when the rows are long replaced.
    where = nvml.NVML_VOLATILE_ECC, nvml.NVML_MEMORY_LOCATION_DEVICE_MEMORY
    return int(nvml.nvmlDeviceGetMemoryErrorCounter(device, kind, *where))


def _fan(nvml: ModuleType, device: Device) -> Values:
    return {"fanSpeed": nvml.nvmlDeviceGetFanSpeed_v2(device, 0)}


def _pcie(nvml: ModuleType, device: Device) -> Values:
    """Return bytes a second, of the 20 ms that NVML takes for each of the two."""
    sent = nvml.nvmlDeviceGetPcieThroughput(device, nvml.NVML_PCIE_UTIL_TX_BYTES)
    received = nvml.nvmlDeviceGetPcieThroughput(device, nvml.NVML_PCIE_UTIL_RX_BYTES)
    return {"pcieTxBytes": sent * _KIB, "pcieRxBytes": received * _KIB}


Reading = Callable[[ModuleType, Device], Values]

_READINGS_BESIDE_PROFILE: tuple[Reading, ...] = (
    *(_utilisation, _memory, _temperature, _power, _power_limit, _energy),
    *(_sm_clock, _memory_clock, _corrected, _uncorrected, _fan),
)
READINGS: tuple[Reading, ...] = (*_READINGS_BESIDE_PROFILE, _pcie)  # a profile has PCIe's traffic in it

_GONE = ("GpuIsLost", "NotFound", "GpuNotFound", "ResetRequired")
_REFUSALS = ("NotSupported", "FunctionNotFound", "NoPermission", "InvalidArgument", "ArgumentVersionMismatch")


def _kinds(nvml: ModuleType, names: tuple[str, ...]) -> tuple[type[Exception], ...]:
    """Return the exceptions of these names that this version of pynvml has."""
    return tuple(kind for name in names if (kind := getattr(nvml, f"NVMLError_{name}", None)) is not None)

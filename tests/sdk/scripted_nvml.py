"""An NVML whose GPUs are a script; all but their answers (exceptions, constants, structures) is the real pynvml."""

# ruff: noqa: N802 - the functions have NVML's names

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pynvml

GIB = 1 << 30

# What one GPU answers, by the function of NVML that is asked. A function of the script is called with the arguments
# after the device, an exception is raised, anything else returned.
H100: dict[str, Any] = {
    "nvmlDeviceGetName": "NVIDIA H100",
    "nvmlDeviceGetUUID": "GPU-1",
    "nvmlDeviceGetNumGpuCores": 16896,
    "nvmlDeviceGetArchitecture": pynvml.NVML_DEVICE_ARCH_HOPPER,
    "nvmlDeviceGetPciInfo": SimpleNamespace(busId=b"00000000:3B:00.0"),
    "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=37, memory=12),
    "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=80 * GIB, used=10 * GIB),
    "nvmlDeviceGetTemperature": 41,
    "nvmlDeviceGetPowerUsage": 123_456,
    "nvmlDeviceGetEnforcedPowerLimit": 700_000,
    "nvmlDeviceGetTotalEnergyConsumption": 5_003_702,
    "nvmlDeviceGetClockInfo": lambda kind: 1000 + kind,
    "nvmlDeviceGetMemoryErrorCounter": lambda kind, counter, place: 100 * kind + 10 * counter + place,
    "nvmlDeviceGetFanSpeed_v2": 31,
    "nvmlDeviceGetPcieThroughput": lambda kind: 100 + kind,
    "nvmlDeviceGetComputeRunningProcesses": [],
    "nvmlDeviceGetGraphicsRunningProcesses": [],
    "nvmlDeviceGetMigMode": pynvml.NVMLError_NotSupported(),
    "nvmlGpmQueryDeviceSupport": pynvml.NVMLError_FunctionNotFound(),
}


class ScriptedNvml(ModuleType):
    """Stands for the module pynvml on a machine with these GPUs; `asked` holds the names of all functions called."""

    def __init__(self, *gpus: dict[str, Any]) -> None:
        super().__init__("scripted_nvml")
        self.gpus = [dict(gpu) for gpu in gpus]
        self.asked: list[str] = []
        self.shutdowns = 0

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:
        refusal = self.gpus[index].get("handle")
        if refusal is not None:
            raise refusal
        return self.gpus[index]

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:
        return 12040

    def nvmlShutdown(self) -> None:
        self.shutdowns += 1

    def nvmlGpmSampleAlloc(self) -> Any:
        return pynvml.c_nvmlGpmSample_t()

    def __getattr__(self, name: str) -> Any:
        real = getattr(pynvml, name)
        return self._answer(name) if name.startswith("nvmlDevice") or name in H100 else real

    def _answer(self, name: str) -> Callable[..., Any]:
        def answer(device: dict[str, Any], *arguments: Any, **named: Any) -> Any:
            self.asked.append(name)
            scripted = device.get(name, pynvml.NVMLError_NotSupported())
            if isinstance(scripted, Exception):
                raise scripted
            return scripted(*arguments, **named) if callable(scripted) else scripted

        return answer


def running(*pids: int) -> list[SimpleNamespace]:
    """Return the processes on a GPU, as NVML lists them."""
    return [SimpleNamespace(pid=pid) for pid in pids]

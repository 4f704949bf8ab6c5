"""GPU performance monitoring: how busy the units of a GPU were between two samples. Hopper and newer have it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from runstore.sdk.system.source import MIB, Values

# NVML's metric, W&B's name for it, and how many of the latter's unit one of NVML's is: it counts traffic in MiB/s.
_METRICS = (
    ("SM_UTIL", "smActive", 1.0),
    ("SM_OCCUPANCY", "smOccupancy", 1.0),
    ("ANY_TENSOR_UTIL", "pipeTensorActive", 1.0),
    ("DRAM_BW_UTIL", "dramActive", 1.0),
    ("FP64_UTIL", "pipeFp64Active", 1.0),
    ("FP32_UTIL", "pipeFp32Active", 1.0),
    ("FP16_UTIL", "pipeFp16Active", 1.0),
    ("HMMA_TENSOR_UTIL", "pipeTensorHmmaActive", 1.0),
    ("PCIE_TX_PER_SEC", "pcieTxBytes", MIB),
    ("PCIE_RX_PER_SEC", "pcieRxBytes", MIB),
    ("NVLINK_TOTAL_TX_PER_SEC", "nvlinkTxBytes", MIB),
    ("NVLINK_TOTAL_RX_PER_SEC", "nvlinkRxBytes", MIB),
)


class Profile:
    """The performance counters of one GPU, from one sample to the next."""

    def __init__(self, nvml: ModuleType) -> None:
        self._before: Any = nvml.nvmlGpmSampleAlloc()
        self._now: Any = nvml.nvmlGpmSampleAlloc()
        self._has_before = False

    @classmethod
    def of(cls, nvml: ModuleType, device: Any) -> Profile | None:
        """Return the profile of a GPU that has one, else None."""
        try:
            if nvml.nvmlGpmQueryDeviceSupport(device).isSupportedDevice:
                return cls(nvml)
        except (nvml.NVMLError, AttributeError):  # an older driver; an older pynvml
            pass
        return None

    def samples(self, nvml: ModuleType, device: Any) -> Values:
        """Return what happened since the call before: nothing at the first one. Raises NVMLError."""
        nvml.nvmlGpmSampleGet(device, self._now)
        try:
            return self._between(nvml) if self._has_before else {}
        finally:
            self._before, self._now = self._now, self._before
            self._has_before = True

    def _between(self, nvml: ModuleType) -> Values:
        asked = nvml.c_nvmlGpmMetricsGet_t()
        asked.version = nvml.NVML_GPM_METRICS_GET_VERSION
        asked.numMetrics = len(_METRICS)
        asked.sample1, asked.sample2 = self._before, self._now
        for place, (metric, _, _) in enumerate(_METRICS):
            asked.metrics[place].metricId = getattr(nvml, f"NVML_GPM_METRIC_{metric}")
        nvml.nvmlGpmMetricsGet(asked)
        return {
            name: asked.metrics[place].value * unit
            for place, (_, name, unit) in enumerate(_METRICS)
            if asked.metrics[place].nvmlReturn == nvml.NVML_SUCCESS
        }

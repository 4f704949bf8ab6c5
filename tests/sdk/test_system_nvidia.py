"""NVIDIA's GPUs: with a scripted NVML, and with the real one where there is a GPU."""

# ruff: noqa: N802 - the functions have NVML's names

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pynvml
import pytest

from runstore.sdk.system import nvidia
from runstore.sdk.system.machine import gpus_description, machine_description
from runstore.sdk.system.nvidia import Gpus, nvml_if_present
from tests.sdk.scripted_nvml import GIB, H100, ScriptedNvml, running

OURS = 4242

# As stock wandb 0.31.0 recorded them of a driver that answered as H100 does: names, values and number types.
STOCK_VALUES: dict[str, float] = {
    "gpu": 37.0,
    "memory": 12,
    "memoryAllocated": 12.5,
    "memoryAllocatedBytes": 10737418240,
    "temp": 41.0,
    "powerWatts": 123.456,
    "enforcedPowerLimitWatts": 700.0,
    "powerPercent": 17.63657142857143,
    "energyJoules": 5003.702,
    "smClock": 1001,
    "memoryClock": 1002,
    "correctedMemoryErrors": 2,
    "uncorrectedMemoryErrors": 102,
    "fanSpeed": 31,
    "pcieTxBytes": 102400.0,
    "pcieRxBytes": 103424.0,
}
STOCK_PROCESS_NAMES = {
    *("gpu", "memory", "memoryAllocated", "memoryAllocatedBytes", "temp"),
    *("powerWatts", "enforcedPowerLimitWatts", "powerPercent"),
}


class Told(list[str]):
    def __call__(self, text: str) -> None:
        self.append(text)


def gpus(nvml: ModuleType, *chosen: int, told: Told | None = None) -> Gpus:
    return Gpus(nvml, lambda: [OURS], chosen, Told() if told is None else told)


def of_gpu(index: int, values: dict[str, float]) -> dict[str, float]:
    prefix = f"gpu.{index}."
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}


def test_values_have_stocks_names_and_number_types() -> None:
    found = of_gpu(0, gpus(ScriptedNvml(H100)).samples())
    assert found == STOCK_VALUES
    assert {name: type(value) for name, value in found.items()} == {n: type(v) for n, v in STOCK_VALUES.items()}


def test_a_gpu_that_the_run_uses_has_its_values_twice() -> None:
    used = H100 | {"nvmlDeviceGetComputeRunningProcesses": running(1, OURS)}
    drawn_on = H100 | {"nvmlDeviceGetGraphicsRunningProcesses": running(OURS)}
    values = gpus(ScriptedNvml(H100, used, drawn_on)).samples()
    assert not of_gpu(0, {k.replace("gpu.process.", "gpu."): 0 for k in values if k.startswith("gpu.process.0.")})
    for index in (1, 2):
        mirrored = {key.split(".")[-1] for key in values if key.startswith(f"gpu.process.{index}.")}
        assert mirrored == STOCK_PROCESS_NAMES
        assert values[f"gpu.process.{index}.temp"] == values[f"gpu.{index}.temp"]


def test_only_the_chosen_gpus_are_read() -> None:
    nvml = ScriptedNvml(H100, H100, H100)
    assert {key.split(".")[1] for key in gpus(nvml, 1, 2, 9).samples()} == {"1", "2"}


@pytest.mark.parametrize("kind", ["GpuIsLost", "NotFound", "ResetRequired"])
def test_a_gpu_that_vanishes_drops_out_and_the_others_go_on(kind: str) -> None:
    nvml, told = ScriptedNvml(H100, H100), Told()
    source = gpus(nvml, told=told)
    assert of_gpu(0, source.samples())
    nvml.gpus[0]["nvmlDeviceGetTemperature"] = getattr(pynvml, f"NVMLError_{kind}")()
    for _ in range(3):
        values = source.samples()
        assert not of_gpu(0, values)
        assert of_gpu(1, values) == STOCK_VALUES
    assert len(told) == 1
    assert "GPU 0 is gone" in told[0]


def test_a_gpu_that_vanishes_while_its_processes_are_listed_leaves_no_values() -> None:
    lost = H100 | {"nvmlDeviceGetComputeRunningProcesses": pynvml.NVMLError_GpuIsLost()}
    assert gpus(ScriptedNvml(lost)).samples() == {}


def test_what_a_gpu_does_not_support_is_left_out_and_not_asked_again() -> None:
    nvml = ScriptedNvml(H100 | {"nvmlDeviceGetFanSpeed_v2": pynvml.NVMLError_NotSupported()})
    source = gpus(nvml)
    for _ in range(3):
        assert of_gpu(0, source.samples()) == {k: v for k, v in STOCK_VALUES.items() if k != "fanSpeed"}
    assert nvml.asked.count("nvmlDeviceGetFanSpeed_v2") == 1


def test_what_fails_for_a_moment_is_asked_again() -> None:
    nvml = ScriptedNvml(H100 | {"nvmlDeviceGetPowerUsage": pynvml.NVMLError_Timeout()})
    source = gpus(nvml)
    assert source.samples().keys().isdisjoint({"gpu.0.powerWatts", "gpu.0.powerPercent"})
    nvml.gpus[0]["nvmlDeviceGetPowerUsage"] = 70_000
    assert source.samples()["gpu.0.powerPercent"] == 10.0


def test_power_without_a_limit_has_no_percentage() -> None:
    without = H100 | {"nvmlDeviceGetEnforcedPowerLimit": 0}
    values = gpus(ScriptedNvml(without)).samples()
    assert values["gpu.0.powerWatts"] == 123.456
    assert "gpu.0.powerPercent" not in values


def test_a_gpu_that_refuses_everything_is_no_trouble() -> None:
    told = Told()
    assert gpus(ScriptedNvml({}, H100), told=told).samples().keys() == {f"gpu.1.{name}" for name in STOCK_VALUES}
    assert told == []


def test_a_gpu_whose_handle_is_refused_is_told_and_left_out() -> None:
    told = Told()
    nvml = ScriptedNvml({"handle": pynvml.NVMLError_NoPermission()}, H100)
    assert of_gpu(1, gpus(nvml, told=told).samples()) == STOCK_VALUES
    assert len(told) == 1


def test_memory_is_without_the_drivers_share_where_the_driver_can_tell() -> None:
    def memory(version: int | None = None) -> SimpleNamespace:
        return SimpleNamespace(total=80 * GIB, used=(10 if version == pynvml.nvmlMemory_v2 else 11) * GIB)

    def of_old_driver(version: int | None = None) -> SimpleNamespace:
        if version:
            raise pynvml.NVMLError_FunctionNotFound()
        return memory()

    nvml = ScriptedNvml(H100 | {"nvmlDeviceGetMemoryInfo": memory}, H100 | {"nvmlDeviceGetMemoryInfo": of_old_driver})
    values = gpus(nvml).samples()
    assert values["gpu.0.memoryAllocatedBytes"] == 10 * GIB
    assert values["gpu.1.memoryAllocatedBytes"] == 11 * GIB


# MIG.


def cut_up(*parts: dict[str, Any], places: int = 7) -> dict[str, Any]:
    """Return a GPU that MIG has cut up: it refuses what has no meaning for the whole of it."""

    def part(index: int) -> dict[str, Any]:
        if index >= len(parts):
            raise pynvml.NVMLError_NotFound()
        return parts[index]

    return H100 | {
        "nvmlDeviceGetMigMode": [pynvml.NVML_DEVICE_MIG_ENABLE, pynvml.NVML_DEVICE_MIG_ENABLE],
        "nvmlDeviceGetMaxMigDeviceCount": places,
        "nvmlDeviceGetMigDeviceHandleByIndex": part,
        "nvmlDeviceGetUtilizationRates": pynvml.NVMLError_NotSupported(),
    }


def mig_device(used: int) -> dict[str, Any]:
    return {
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=10 * GIB, used=used),
        "nvmlDeviceGetTemperature": pynvml.NVMLError_InvalidArgument(),
        "nvmlDeviceGetMigMode": [pynvml.NVML_DEVICE_MIG_ENABLE, pynvml.NVML_DEVICE_MIG_ENABLE],
        "nvmlDeviceGetMaxMigDeviceCount": 7,  # of which it has none itself
    }


def test_a_gpu_cut_up_by_mig_gives_what_it_can_and_its_devices() -> None:
    found = of_gpu(0, gpus(ScriptedNvml(cut_up(mig_device(GIB), mig_device(5 * GIB)))).samples())
    whole = {name: value for name, value in found.items() if not name.startswith("mig.")}
    assert whole == {name: value for name, value in STOCK_VALUES.items() if name not in ("gpu", "memory")}
    assert {name: value for name, value in found.items() if name.startswith("mig.")} == {
        "mig.0.memoryAllocated": 10.0,
        "mig.0.memoryAllocatedBytes": GIB,
        "mig.1.memoryAllocated": 50.0,
        "mig.1.memoryAllocatedBytes": 5 * GIB,
    }


def test_a_mig_device_that_is_taken_apart_takes_nothing_with_it() -> None:
    part = mig_device(GIB)
    source = gpus(ScriptedNvml(cut_up(part)))
    part["nvmlDeviceGetMemoryInfo"] = pynvml.NVMLError_NotFound()
    assert "gpu.0.temp" in source.samples()


# Profiles, of Hopper and newer.


class ProfilingNvml(ScriptedNvml):
    """A GPU with performance counters, which NVML gives as the difference of two samples."""

    def nvmlGpmSampleGet(self, device: dict[str, Any], sample: Any) -> Any:
        device["samples"] = device.get("samples", 0) + 1
        return sample

    def nvmlGpmMetricsGet(self, asked: Any) -> Any:
        for metric in asked.metrics[: asked.numMetrics]:
            is_tensor = metric.metricId == pynvml.NVML_GPM_METRIC_ANY_TENSOR_UTIL
            metric.nvmlReturn = pynvml.NVML_ERROR_NOT_SUPPORTED if is_tensor else pynvml.NVML_SUCCESS
            metric.value = 2.0 if metric.metricId == pynvml.NVML_GPM_METRIC_PCIE_TX_PER_SEC else 50.0
        return asked


def test_profiles_are_of_the_time_between_two_samples() -> None:
    profiled = H100 | {"nvmlGpmQueryDeviceSupport": SimpleNamespace(isSupportedDevice=1)}
    source = gpus(ProfilingNvml(profiled))
    without_pcie = {name: value for name, value in STOCK_VALUES.items() if not name.startswith("pcie")}
    assert of_gpu(0, source.samples()) == without_pcie
    found = of_gpu(0, source.samples())
    assert found["smActive"] == 50.0
    assert found["pcieTxBytes"] == 2.0 * (1 << 20)
    assert "pipeTensorActive" not in found


# The driver, and what it says of the machine.


def test_without_a_driver_there_is_nothing_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("LibraryNotFound", "DriverNotLoaded"):
        monkeypatch.setattr(pynvml, "nvmlInit", _raising(getattr(pynvml, f"NVMLError_{kind}")()))
        assert nvml_if_present() is None
        assert "gpu_nvidia" not in machine_description()


def test_a_driver_that_cannot_be_used_is_an_error_but_not_for_the_description(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "has_library", lambda: True)
    monkeypatch.setattr(pynvml, "nvmlInit", _raising(pynvml.NVMLError_LibRmVersionMismatch()))
    with pytest.raises(pynvml.NVMLError):
        nvml_if_present()
    assert "gpu_nvidia" not in machine_description()


def test_nvml_is_let_go_of() -> None:
    nvml = ScriptedNvml(H100)
    gpus(nvml).close()
    assert nvml.shutdowns == 1


def test_gpus_are_described_under_stocks_names(tmp_path: Path) -> None:
    node = tmp_path / "bus/pci/devices/0000:3b:00.0/numa_node"
    node.parent.mkdir(parents=True)
    node.write_text("1\n")
    assert gpus_description(ScriptedNvml(H100, {}), tmp_path) == {
        "gpu": "NVIDIA H100",
        "gpu_count": 2,
        "gpu_nvidia": [
            {
                "name": "NVIDIA H100",
                "memoryTotal": "85899345920",
                "cudaCores": 16896,
                "architecture": "Hopper",
                "uuid": "GPU-1",
                "pciBusId": "00000000:3B:00.0",
                "numaNode": 1,
            },
            {},
        ],
        "cudaVersion": "12.4",
    }


def test_every_reading_asks_a_function_that_pynvml_has() -> None:
    nvml = ScriptedNvml(H100)
    gpus(nvml).samples()
    assert all(callable(getattr(pynvml, name)) for name in nvml.asked)
    assert len(nvidia.READINGS) == 12


@pytest.fixture
def real_nvml() -> Iterator[ModuleType]:
    nvml = nvml_if_present()
    if nvml is None:
        pytest.skip("no NVIDIA driver on this machine")
    if not nvml.nvmlDeviceGetCount():
        pytest.skip("an NVIDIA driver, but no GPU")
    yield nvml
    nvml.nvmlShutdown()


def test_the_real_library_gives_plausible_values(real_nvml: ModuleType) -> None:
    real_nvml.nvmlInit()  # for Gpus.close, which ends it once
    source = Gpus(real_nvml, lambda: [os.getpid()], (), Told())
    source.samples()
    values = source.samples()
    source.close()
    print(values)
    assert of_gpu(0, values)
    assert 0 <= values["gpu.0.memoryAllocated"] <= 100
    assert values["gpu.0.memoryAllocatedBytes"] >= 0
    assert 0 < values["gpu.0.temp"] < 120
    assert gpus_description(real_nvml)["gpu_nvidia"][0]["uuid"]


def _raising(error: Exception) -> Any:
    def raises(*_: Any) -> None:
        raise error

    return raises

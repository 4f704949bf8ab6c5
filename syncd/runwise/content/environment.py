"""The machine and the program that a log describes, spelled as W&B's servers and wandb-metadata.json have them.

That is protobuf's JSON for the message, under the names that stock tools gave its fields: what is 64 bits wide is text,
a time is text in UTC, what has no value is left out. The fields are known here by number, as observed in logs of
version 0.31; those of later versions are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeAlias

from runstore.runlog.fields import each_whole_field

Environment: TypeAlias = dict[str, Any]
_Spell: TypeAlias = Callable[[Any], Any]


def spelled(message: bytes) -> Environment:
    """Return what an encoded EnvironmentRecord says."""
    return _spelled(message, _ENVIRONMENT)


def merge(environment: Mapping[str, Any], later: Mapping[str, Any]) -> Environment:
    """Return an environment with what another record says of it; lists are those of the last that has one."""
    both = dict(environment)
    for name, value in later.items():
        before = both.get(name)
        both[name] = merge(before, value) if isinstance(value, dict) and isinstance(before, dict) else value
    return both


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _number(value: int) -> int:
    return value


def _wide(value: int) -> str:
    return str(value)


def _time(value: bytes) -> str:
    said = dict(each_whole_field(value))
    seconds, nanos = said.get(1, 0), said.get(2, 0)
    try:
        when = datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):  # no calendar has it
        return ""
    digits = f"{int(nanos):09}"
    while digits.endswith("000"):  # three, six or nine digits, or none
        digits = digits[:-3]
    return f"{when}.{digits}Z" if digits else f"{when}Z"


@dataclass(frozen=True)
class _Message:
    """Spells a message that has these fields, by number."""

    fields: Mapping[int, tuple[str, _Spell]]

    def __call__(self, value: bytes) -> Environment:
        return _spelled(value, self.fields)


@dataclass(frozen=True)
class _Each:
    """Spells the values of a field that is there several times, as a list."""

    spell: Callable[[bytes], Any]

    def __call__(self, value: bytes) -> list[Any]:
        return [self.spell(value)]


@dataclass(frozen=True)
class _Map:
    """Spells the entries of a map."""

    spell: Callable[[bytes], Any]

    def __call__(self, entry: bytes) -> Environment:
        said = dict(each_whole_field(entry))
        key, value = said.get(1, b""), said.get(2, b"")
        return {_text(key): self.spell(value)} if isinstance(key, bytes) and isinstance(value, bytes) else {}


def _spelled(message: bytes, fields: Mapping[int, tuple[str, _Spell]]) -> Environment:
    said: Environment = {}
    for number, value in each_whole_field(message):
        name, spell = fields.get(number, ("", _text))
        is_number = spell is _number or spell is _wide
        if not name or is_number == isinstance(value, bytes) or (not value and (is_number or spell is _text)):
            continue
        spelled_value = spell(value)
        if isinstance(spell, _Each):
            spelled_value = said.get(name, []) + spelled_value
        elif isinstance(spell, _Map):
            spelled_value = {**said.get(name, {}), **spelled_value}
        said[name] = spelled_value
    return said


def _texts(*names: str) -> dict[int, tuple[str, _Spell]]:
    return {number: (name, _text) for number, name in enumerate(names, 1)}


_GIT = _texts("remote", "commit")
_DISK: dict[int, tuple[str, _Spell]] = {1: ("total", _wide), 2: ("used", _wide)}
_MEMORY: dict[int, tuple[str, _Spell]] = {1: ("total", _wide)}
_CPU: dict[int, tuple[str, _Spell]] = {1: ("count", _number), 2: ("countLogical", _number), 3: ("model", _text)}
_APPLE: dict[int, tuple[str, _Spell]] = {
    1: ("name", _text),
    2: ("ecpuCores", _number),
    3: ("pcpuCores", _number),
    4: ("gpuCores", _number),
    5: ("memoryGb", _number),
    6: ("swapTotalBytes", _wide),
    7: ("ramTotalBytes", _wide),
    8: ("macModel", _text),
}
_NVIDIA: dict[int, tuple[str, _Spell]] = {
    1: ("name", _text),
    2: ("memoryTotal", _wide),
    3: ("cudaCores", _number),
    4: ("architecture", _text),
    5: ("uuid", _text),
    6: ("pciBusId", _text),
    7: ("numaNode", _number),
}
_AMD = _texts(
    "id",
    "uniqueId",
    "vbiosVersion",
    "performanceLevel",
    "gpuOverdrive",
    "gpuMemoryOverdrive",
    "maxPower",
    "series",
    "model",
    "vendor",
    "sku",
    "sclkRange",
    "mclkRange",
)
_TRAINIUM: dict[int, tuple[str, _Spell]] = {
    1: ("name", _text),
    2: ("vendor", _text),
    3: ("neuronDeviceCount", _number),
    4: ("neuroncorePerDeviceCount", _number),
}
_TPU: dict[int, tuple[str, _Spell]] = {
    1: ("name", _text),
    2: ("hbmGib", _number),
    3: ("devicesPerChip", _number),
    4: ("count", _number),
}
_ENVIRONMENT: dict[int, tuple[str, _Spell]] = {
    1: ("os", _text),
    2: ("python", _text),
    3: ("startedAt", _time),
    4: ("docker", _text),
    5: ("args", _Each(_text)),
    6: ("program", _text),
    7: ("codePath", _text),
    8: ("codePathLocal", _text),
    9: ("git", _Message(_GIT)),
    10: ("email", _text),
    11: ("root", _text),
    12: ("host", _text),
    13: ("username", _text),
    14: ("executable", _text),
    15: ("colab", _text),
    16: ("cpu_count", _number),
    17: ("cpu_count_logical", _number),
    18: ("gpu", _text),
    19: ("gpu_count", _number),
    20: ("disk", _Map(_Message(_DISK))),
    21: ("memory", _Message(_MEMORY)),
    22: ("cpu", _Message(_CPU)),
    23: ("apple", _Message(_APPLE)),
    24: ("gpu_nvidia", _Each(_Message(_NVIDIA))),
    25: ("cudaVersion", _text),
    26: ("gpu_amd", _Each(_Message(_AMD))),
    27: ("slurm", _Map(_text)),
    28: ("trainium", _Message(_TRAINIUM)),
    29: ("tpu", _Message(_TPU)),
    30: ("coreweave", _Message(_texts("clusterName", "orgId", "region"))),
    199: ("writerId", _text),
}

"""Values that programs log by mistake: harmless ones, and some that raise when they are looked at."""

from __future__ import annotations

import dataclasses
import math
import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import numpy


def refuse(*_: Any) -> Any:
    raise ValueError("this object does not like to be looked at")


class RaisingRepr:
    __repr__ = refuse


class RaisingLength:
    __len__ = refuse


class RaisingArray:
    __array__ = refuse


class RaisingAttributes:
    def __getattr__(self, name: str) -> Any:
        raise ValueError(name)


class RaisingList:
    tolist = refuse


class RaisingItem:
    ndim = 0
    item = refuse


class RaisingDimensions:
    ndim = property(refuse)


class RaisingClass:
    __class__ = property(refuse)


class RaisingText(str):
    __str__ = refuse


class RaisingMapping(Mapping[str, Any]):
    __getitem__ = refuse

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


class RaisingPath:
    __fspath__ = refuse


@dataclasses.dataclass
class RaisingField:
    x: int = 1

    def __getattribute__(self, name: str) -> Any:
        return refuse() if name == "x" else object.__getattribute__(self, name)


class EqualToNothing:
    def __eq__(self, other: object) -> Any:
        return numpy.array([True, False])

    __hash__ = None  # type: ignore[assignment]


class NeverEqual:
    __eq__ = refuse
    __hash__ = None  # type: ignore[assignment]


class EveryAttribute:
    """As a mock has it: whatever is asked for is there, and can be called."""

    def __getattr__(self, name: str) -> EveryAttribute:
        return EveryAttribute()

    def __call__(self, *_: Any) -> EveryAttribute:
        return EveryAttribute()


class BottomlessList:
    def tolist(self) -> BottomlessList:
        return BottomlessList()


class Referred:
    pass


HARMLESS: dict[str, Any] = {
    "raising repr": RaisingRepr(),
    "raising len": RaisingLength(),
    "raising array": RaisingArray(),
    "eq returns an array": EqualToNothing(),
    "every attribute": EveryAttribute(),
    "bottomless tolist": BottomlessList(),
    "generator": (number for number in range(3)),
    "lock": threading.Lock(),
    "module": math,
    "array of objects": numpy.array([object(), RaisingRepr()], dtype=object),
    "ten megabytes": "x" * 10_000_000,
    "not a time": numpy.datetime64("NaT", "s"),
    "memory view": memoryview(b"abc"),
    "int of 5000 digits": 10**5000,
}

RAISING: dict[str, Any] = {
    "raising getattr": RaisingAttributes(),
    "raising tolist": RaisingList(),
    "raising item": RaisingItem(),
    "raising ndim": RaisingDimensions(),
    "raising class": RaisingClass(),
    "raising str": RaisingText("a"),
    "raising mapping": RaisingMapping(),
    "raising fspath": RaisingPath(),
    "raising field": RaisingField(),
    "dead weak reference": weakref.proxy(Referred()),
}

"""Sequences that are looked up when they are first used and loaded a page at a time, as W&B's API has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class Pages(Generic[T]):
    """A sequence of what `find` names and `load` makes of these names, `per_page` of them at once.

    It stays as it was found: what comes later is not in it, and what goes before its page is loaded is left out.
    """

    def __init__(
        self, find: Callable[[], Sequence[Any]], load: Callable[[Sequence[Any]], list[T]], per_page: int
    ) -> None:
        self.per_page = max(1, per_page)
        self.objects: list[T] = []  # those that are loaded
        self.index = -1  # of the one that `next` gave last
        self._find, self._load = find, load
        self._asked = 0  # names whose objects are loaded

    @cached_property
    def _names(self) -> Sequence[Any]:
        return self._find()

    def __len__(self) -> int:
        return len(self._names)

    @property
    def more(self) -> bool:
        """Whether there are pages that are not loaded yet."""
        return self._asked < len(self._names)

    @property
    def cursor(self) -> str | None:
        """Where the next page begins; None before the first is loaded."""
        return str(self._asked) if self._asked else None

    def __iter__(self) -> Iterator[T]:
        self.index = -1
        place = 0
        while self._reaches(place):
            yield self.objects[place]
            place += 1

    def __next__(self) -> T:
        if not self._reaches(self.index + 1):
            raise StopIteration
        self.index += 1
        return self.objects[self.index]

    next = __next__

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            forward = index.stop is not None and index.stop >= 0 and (index.start or 0) >= 0
            self._reaches(index.stop - 1 if forward and index.stop else len(self))
        else:
            self._reaches(index if index >= 0 else len(self))
        return self.objects[index]

    def _reaches(self, place: int) -> bool:
        """Load pages until the object at `place` is there; return whether it is."""
        while place >= len(self.objects) and self.more:
            page = self._names[self._asked : self._asked + self.per_page]
            self._asked += len(page)
            self.objects += self._load(page)
        return place < len(self.objects)


def loaded(objects: Sequence[T], per_page: int) -> tuple[Callable[[], Sequence[Any]], Callable[..., list[T]], int]:
    """Return the arguments for Pages of what is there already."""
    return lambda: objects, list, per_page

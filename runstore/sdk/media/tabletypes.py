"""The types of a table's columns: found from what is added, and written beside the data, as W&B's tables have them.

A kind tells by `taking(value)` whether it takes a value, and which kind it becomes by that: `unknown` becomes what it
is given, a union looks for a member that takes the value, a list for what all of its elements are. Kinds never change;
None stands for "this doesn't fit".

Classes count exactly, as in W&B's library: a value of a class derived from `str` is a python object, not a string.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, ClassVar, Protocol

from runstore.sdk.media.base import ArtifactFolder, Media

_TYPED_MEDIA = ("image-file", "audio-file", "video-file", "html-file", "object3D-file")
_IMAGE = "image-file"
_LIST_CLASSES = (list, tuple, set, frozenset)
_SCALARS: dict[type, str] = {
    NoneType: "none",
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    datetime.datetime: "timestamp",
    datetime.date: "timestamp",
}


class TableFolder(ArtifactFolder, Protocol):
    """What the types of linked columns need of an artifact: to hold the other table too."""

    def add(self, obj: Any, name: str) -> Any:
        """Add a table; returns its entry."""


@dataclass(frozen=True)
class Kind:
    """The type of a column, or of what is in its values."""

    name: ClassVar[str] = ""  # W&B's

    def taking(self, value: Any) -> Kind | None:
        """Return what the kind becomes when it takes this value; None where it doesn't."""
        return self.joined(kind_of(value))

    def joined(self, other: Kind) -> Kind | None:
        """Return what the kind becomes when it takes values of another one; None where it doesn't."""
        return self if self == other else None

    def json(self, artifact: TableFolder) -> dict[str, Any]:
        """Return how the kind is written; adds to `artifact` what it refers to."""
        parameters = self.parameters(artifact)
        return {"wb_type": self.name, "params": parameters} if parameters else {"wb_type": self.name}

    def parameters(self, artifact: TableFolder) -> dict[str, Any]:
        """Return what is written beside the name."""
        return {}

    def __str__(self) -> str:
        # Members of unions are in the order of these words, which is that of W&B's library.
        return self.name.capitalize()


@dataclass(frozen=True)
class Scalar(Kind):
    """A kind without parts: none, string, number, boolean, timestamp, or one of the files of media."""

    name: str  # type: ignore[misc]  # each has its own


@dataclass(frozen=True)
class Invalid(Kind):
    """What the elements of a list are that have nothing in common. Nothing can be added to it."""

    name = "invalid"

    def joined(self, other: Kind) -> Kind | None:
        """Take nothing."""
        return None


@dataclass(frozen=True)
class Anything(Kind):
    """Takes all but None."""

    name = "any"

    def joined(self, other: Kind) -> Kind | None:
        """Take all but None."""
        return None if other in (NONE, INVALID) else self


@dataclass(frozen=True)
class Unknown(Kind):
    """Becomes what it takes, which may be all but None."""

    name = "unknown"

    def joined(self, other: Kind) -> Kind | None:
        """Become the other."""
        return None if other == NONE else other


@dataclass(frozen=True)
class PythonObject(Kind):
    """Whatever has no kind of its own, by the name of its class."""

    name = "pythonObject"
    class_name: str

    def parameters(self, artifact: TableFolder) -> dict[str, Any]:
        """Return the class."""
        return {"class_name": self.class_name}

    def __str__(self) -> str:
        return f"Pythonobject(class_name:{self.class_name})"


@dataclass(frozen=True, eq=False)
class Constant(Kind):
    """One value."""

    name = "const"
    value: Any

    def taking(self, value: Any) -> Kind | None:
        """Take exactly this value."""
        return self if type(value) is type(self.value) and bool(value == self.value) else None

    def parameters(self, artifact: TableFolder) -> dict[str, Any]:
        """Return the value."""
        return {"val": self.value, "is_set": False}

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class Union(Kind):
    """One of several kinds, in the order of their words; with "none" among them, a value may be missing."""

    name = "union"
    members: tuple[Kind, ...]

    @classmethod
    def of(cls, members: Iterable[Kind]) -> Union:
        """Return the union of these; unions among them are taken apart."""
        flat = [part for member in members for part in (member.members if isinstance(member, Union) else (member,))]
        return cls(tuple(sorted(flat, key=str)))

    def taking(self, value: Any) -> Kind | None:
        """Take what a member takes, or what an unknown one becomes."""
        return self._with(lambda member: member.taking(value))

    def joined(self, other: Kind) -> Kind | None:
        """Take all that the other takes."""
        found: Kind | None = self
        for part in other.members if isinstance(other, Union) else (other,):
            if not isinstance(found, Union):
                return None
            found = found._with(lambda member, part=part: member.joined(part))
        return found

    def _with(self, become: Any) -> Union | None:
        """Return the union in which the first member that can has become what `become` makes of it."""
        known = [member for member in self.members if not isinstance(member, Unknown)]
        unknown = [member for member in self.members if isinstance(member, Unknown)]
        for candidates in (known, unknown):
            for place, member in enumerate(candidates):
                found = become(member)
                if found is not None:
                    candidates[place] = found
                    return Union.of([*known, *unknown])
        return None

    def parameters(self, artifact: TableFolder) -> dict[str, Any]:
        """Return the members."""
        return {"allowed_types": [member.json(artifact) for member in self.members]}

    def __str__(self) -> str:
        return " or ".join(map(str, self.members))


@dataclass(frozen=True)
class ListOf(Kind):
    """A list whose elements are of one kind; `length` is that of the last one taken, None where they differ."""

    name = "list"
    element: Kind
    length: int | None = None

    def taking(self, value: Any) -> Kind | None:
        """Take anything with elements."""
        if not hasattr(value, "__iter__"):
            return None
        elements = list(value)
        element: Kind | None = self.element
        for item in elements:
            element = element.taking(item) if element is not None else None
        return ListOf(element, len(elements)) if element is not None else None

    def joined(self, other: Kind) -> Kind | None:
        """Take lists of elements that fit."""
        if not isinstance(other, ListOf):
            return None
        element = self.element.joined(other.element)
        return None if element is None else ListOf(element, self.length if self.length == other.length else None)

    def parameters(self, artifact: TableFolder) -> dict[str, Any]:
        """Return what the elements are."""
        return {"element_type": self.element.json(artifact), "length": self.length}

    def __str__(self) -> str:
        return f"{self.element}[]"


@dataclass(frozen=True)
class Array(Kind):
    """Arrays of numpy's of one shape. `path` and `key` say where in the artifact they are kept, in one file."""

    name = "ndarray"
    shape: tuple[int, ...]
    path: str | None = None
    key: str | None = None

    def taking(self, value: Any) -> Kind | None:
        """Take arrays, and nested lists, of this shape."""
        shape = (
            getattr(value, "shape", None) if _is_array(value) else _shape(value) if isinstance(value, list) else None
        )
        return self if shape == self.shape else None

    def joined(self, other: Kind) -> Kind | None:
        """Take arrays of this shape, and lists."""
        return self if isinstance(other, ListOf) or (isinstance(other, Array) and other.shape == self.shape) else None

    def json(self, artifact: TableFolder) -> dict[str, Any]:
        """Return the shape and the file."""
        where = None if self.path is None else {"path": self.path, "key": self.key}
        return {"wb_type": self.name, "params": {"shape": list(self.shape), "serialization_path": where}}

    def __str__(self) -> str:
        return f"Ndarray(shape:{list(self.shape)})"


@dataclass(frozen=True, eq=False)
class DictOf(Kind):
    """A dict with certain keys, each of a kind. A table's row is one too, by its columns."""

    name = "typedDict"
    fields: Mapping[Any, Kind]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DictOf) and dict(self.fields) == dict(other.fields)

    __hash__ = None  # type: ignore[assignment]

    def taking(self, value: Any) -> Kind | None:
        """Take dicts with no other keys; a missing one is a None."""
        if not isinstance(value, dict) or value.keys() - self.fields.keys():
            return None
        return self._of({key: kind.taking(value.get(key)) for key, kind in self.fields.items()})

    def joined(self, other: Kind) -> Kind | None:
        """Take dicts with no other keys."""
        if not isinstance(other, DictOf) or other.fields.keys() - self.fields.keys():
            return None
        return self._of({key: kind.joined(other.fields.get(key, UNKNOWN)) for key, kind in self.fields.items()})

    def _of(self, found: Mapping[Any, Kind | None]) -> DictOf | None:
        fields = {key: kind for key, kind in found.items() if kind is not None}
        return DictOf(fields) if len(fields) == len(found) else None

    def parameters(self, artifact: TableFolder) -> dict[str, Any]:
        """Return the kinds by key."""
        return {"type_map": {str(key): kind.json(artifact) for key, kind in self.fields.items()}}

    def __str__(self) -> str:
        return "{" + ", ".join(f"{key!r}: {kind}" for key, kind in self.fields.items()) + "}"


@dataclass(frozen=True, eq=False)
class TableOf(Kind):
    """Tables inside a table, by the kinds of their columns."""

    name = "table"
    columns: Kind

    def joined(self, other: Kind) -> Kind | None:
        """Take tables whose columns fit."""
        columns = self.columns.joined(other.columns) if isinstance(other, TableOf) else None
        return TableOf(columns) if columns is not None else None

    def parameters(self, artifact: TableFolder) -> dict[str, Any]:
        """Return the columns."""
        return {"column_types": self.columns.json(artifact)}


NONE, STRING, NUMBER, BOOLEAN, TIMESTAMP = map(Scalar, ("none", "string", "number", "boolean", "timestamp"))
UNKNOWN, ANYTHING, INVALID = Unknown(), Anything(), Invalid()


def optional(kind: Kind) -> Union:
    """Return the kind that takes None as well."""
    return Union.of([kind, NONE])


def kind_of(value: Any) -> Kind:
    """Return the kind of one value. A NaN of Python's own is none, as in data frames."""
    cls = value.__class__
    if cls is float and value != value:
        return NONE
    scalar = _SCALARS.get(cls)
    if scalar is not None:
        return Scalar(scalar)
    if cls in _LIST_CLASSES:
        return _list_kind(list(value))
    if cls is dict:
        return DictOf({key: kind_of(item) for key, item in value.items()})
    own = getattr(value, "kind_in_table", None)  # tables, and keys of tables
    if callable(own):
        kind: Kind = own()
        return kind
    if isinstance(value, Media):
        return _media_kind(value)
    if _is_array(value):
        return Array(tuple(value.shape))
    return Scalar(found) if (found := _numpy_scalar(cls)) else PythonObject(cls.__name__)


def kind_for(dtype: Any) -> Kind:
    """Return the kind that a program means by a class, a list or dict of such, or a constant."""
    if isinstance(dtype, Kind):
        return dtype
    if isinstance(dtype, type):
        return _class_kind(dtype)
    if isinstance(dtype, list):
        kinds = [kind_for(item) for item in dtype]
        return Union.of(kinds) if len(kinds) > 1 else ListOf(kinds[0] if kinds else UNKNOWN)
    if isinstance(dtype, dict):
        return DictOf({key: kind_for(item) for key, item in dtype.items()})
    return Constant(dtype)


def _class_kind(cls: type) -> Kind:
    if issubclass(cls, Kind):
        return cls()
    if issubclass(cls, Media) and cls.log_type in _TYPED_MEDIA:
        return _image_kind(None) if cls.log_type == _IMAGE else Scalar(cls.log_type)
    if issubclass(cls, Media) and cls.log_type == TableOf.name:
        return TableOf(UNKNOWN)
    if cls in _LIST_CLASSES:
        return ListOf(UNKNOWN)
    if cls is dict:
        return DictOf({})
    found = _SCALARS.get(cls) or _numpy_scalar(cls)
    return Scalar(found) if found else PythonObject("type")


def _media_kind(value: Media) -> Kind:
    if value.log_type == _IMAGE:
        return _image_kind(value)
    return Scalar(value.log_type) if value.log_type in _TYPED_MEDIA else PythonObject(type(value).__name__)


def _image_kind(image: Any) -> Kind:
    from runstore.sdk.media.imagetype import ImageFile

    return ImageFile() if image is None else ImageFile.of(image)


def _list_kind(items: Sequence[Any]) -> Kind:
    element: Kind = optional(UNKNOWN) if any(item is None for item in items) else UNKNOWN
    for item in items:
        element = element.taking(item) or INVALID
    return ListOf(element, len(items))


def _numpy_scalar(cls: type) -> str | None:
    """Return the kind of numpy's numbers, truth values and times, without importing numpy for it."""
    if cls.__module__ != "numpy":
        return None
    names = {base.__name__ for base in cls.__mro__}
    if cls.__name__ in ("bool", "bool_"):  # before and since numpy 2
        return "boolean"
    if "datetime64" in names:
        return "timestamp"
    return "number" if "number" in names and "timedelta64" not in names else None


def is_numpy_scalar_of(cls: type, kind: Kind) -> bool:
    """Return whether a class is one of numpy's whose values all are of this kind, or of a member of it."""
    found = _numpy_scalar(cls)
    return found is not None and Scalar(found) in (kind.members if isinstance(kind, Union) else (kind,))


def _is_array(value: Any) -> bool:
    cls: type = value.__class__
    return (cls.__module__, cls.__name__) == ("numpy", "ndarray")


def _shape(value: Any) -> tuple[int, ...]:
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def constant(value: Any, is_set: bool = False) -> dict[str, Any]:
    """Return how a constant is written."""
    return {"wb_type": "const", "params": {"val": value, "is_set": is_set}}

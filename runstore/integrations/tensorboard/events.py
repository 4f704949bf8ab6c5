"""What a record of an event file says: values under tags, at a step.

The messages, of TensorBoard's event.proto and summary.proto, with the fields that are read here:
Event { wall_time = 1, step = 2, summary = 5 }, Summary { value = 1 }, Value { tag = 1, simple_value = 2, image = 4,
histo = 5, audio = 6, tensor = 8, metadata = 9 }, Image { encoded_image_string = 4 }, HistogramProto { min = 1,
max = 2, bucket_limit = 6, bucket = 7 }, Audio { encoded_audio_string = 4 }, SummaryMetadata { plugin_data = 1 },
PluginData { plugin_name = 1 }.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from runstore.runlog.fields import Fields, content, contents, doubles, fields, integer, text

_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")


@dataclass(frozen=True)
class Buckets:
    """A histogram: the right edges of its buckets, how much is in each, and the least and greatest value."""

    limits: tuple[float, ...]
    counts: tuple[float, ...]
    least: float
    greatest: float


@dataclass(frozen=True)
class Value:
    """One value under its tag; `kind` is scalar, image, histogram, audio or tensor, and says which field has it."""

    tag: str
    kind: str
    number: float = 0.0
    encoded: bytes = b""  # a file's content: PNG, GIF, WAV; of a tensor the message
    buckets: Buckets | None = None
    plugin: str = ""  # which of TensorBoard's plugins a tensor is for


@dataclass(frozen=True)
class Event:
    """The values of one record, their step, and when they were written, in seconds since the epoch."""

    step: int
    time: float
    values: tuple[Value, ...]


def event_of(data: bytes) -> Event | None:
    """Return the event of one record; None for one without values, such as a graph. Raises NotAMessage."""
    message = fields(data)
    found = [value_of(value) for summary in contents(message, 5) for value in contents(fields(summary), 1)]
    values = tuple(value for value in found if value is not None)
    time = content(message, 1)
    return Event(integer(message, 2), _DOUBLE.unpack(time)[0] if len(time) == 8 else 0.0, values) if values else None


def value_of(data: bytes) -> Value | None:
    """Return one Value; None for what is not read here."""
    message = fields(data)
    tag = text(message, 1)
    if 2 in message:
        return Value(tag, "scalar", number=_FLOAT.unpack(content(message, 2))[0])
    if 4 in message:
        return Value(tag, "image", encoded=content(fields(content(message, 4)), 4))
    if 5 in message:
        return Value(tag, "histogram", buckets=_buckets(fields(content(message, 5))))
    if 6 in message:
        return Value(tag, "audio", encoded=content(fields(content(message, 6)), 4))
    if 8 in message:
        plugin = text(fields(content(fields(content(message, 9)), 1)), 1)
        return Value(tag, "tensor", encoded=content(message, 8), plugin=plugin)
    return None


def _buckets(message: Fields) -> Buckets:
    least, greatest = doubles(message, 1), doubles(message, 2)
    limits, counts = tuple(doubles(message, 6)), tuple(doubles(message, 7))
    return Buckets(limits, counts, least[-1] if least else 0.0, greatest[-1] if greatest else 0.0)

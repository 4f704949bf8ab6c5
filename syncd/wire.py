"""What goes between the hub and those who talk to it: JSON, and a name on each request. No I/O here."""

from __future__ import annotations

import orjson

from runstore.core.json_names import named, unnamed

# A header that is different in each request, and that the hub puts on its answer as well.
REQUEST_NAME = "Runstore-Request"


def encode(value: object) -> bytes:
    """Return `value` as JSON, NaN and the infinities by name. NumPy scalars and arrays are taken as well."""
    return orjson.dumps(named(value), option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def decode(data: bytes) -> object:
    """Return the value of `encode`d bytes. Raises ValueError for what is not JSON."""
    return unnamed(orjson.loads(data))

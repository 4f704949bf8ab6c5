"""Find the media in what a program logs, and put in their place the JSON that stands for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import Media

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

_PLAIN = frozenset((int, float, str, bool, type(None)))


def with_media_recorded(data: Mapping[str, Any], recorder: Recorder, step: int | str) -> Mapping[str, Any]:
    """Return `data` with all media in it recorded; the same object where there are none.

    Media in nested dicts are known by their innermost key, as W&B knows them. What could not be written, because of
    the disk or of the value itself, is said once and left out, since logging must not end a training run.
    """
    found: dict[str, Any] | None = None
    for key, value in data.items():
        if type(value) in _PLAIN:
            continue
        recorded = _recorded(value, recorder, str(key), step)
        if recorded is not value:
            found = dict(data) if found is None else found
            found[key] = recorded
    return data if found is None else found


def _recorded(value: Any, recorder: Recorder, key: str, step: int | str) -> Any:
    if isinstance(value, Mapping):
        return with_media_recorded(value, recorder, step)
    if isinstance(value, Media):
        return _attempt(lambda: value.recorded(recorder, key, step), recorder, key)
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], Media):
        kind = type(value[0])
        if all(isinstance(item, kind) for item in value):
            return _attempt(lambda: kind.recorded_together(value, recorder, key, step), recorder, key)
    return value


def _attempt(record: Any, recorder: Recorder, key: str) -> Any:
    try:
        return record()
    except OSError as error:
        recorder.warn(f"{key}: this value's files could not be written ({error.strerror or error}); the row goes on without")
        return None

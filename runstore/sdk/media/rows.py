"""Find the media in what a program logs, and put in their place the JSON that stands for them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runstore.errors import Error
from runstore.sdk.media.base import Media
from runstore.sdk.values import MAX_DEPTH

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

PLAIN = frozenset((int, float, str, bool, type(None)))


def with_media_recorded(data: Mapping[str, Any], recorder: Recorder, step: int | str) -> Mapping[str, Any]:
    """Return `data` with all media in it recorded; the same object where there are none.

    Media in nested dicts are known by their innermost key, as W&B knows them. What could not be written because of
    the disk is said once and recorded as None, since logging must not end a training run; media that can't be logged
    at all raise what they raise.
    """
    charts = sys.modules.get("runstore.sdk.media.customchart")  # no chart was made where nobody has loaded it
    if charts is not None:
        data = charts.with_tables(data, recorder)
    return _tree_recorded(data, recorder, step, ())


def _tree_recorded(
    data: Mapping[str, Any], recorder: Recorder, step: int | str, above: tuple[int, ...]
) -> Mapping[str, Any]:
    if id(data) in above or len(above) > MAX_DEPTH:  # what comes next cuts it off there
        return data
    above = (*above, id(data))
    found: dict[str, Any] | None = None
    for key, value in list(data.items()):
        if type(value) in PLAIN:
            continue
        try:
            recorded = _recorded(value, recorder, str(key), step, above)
        except Error:  # says itself what is wrong
            raise
        except Exception as error:  # whatever an object of some library's raises when it is looked at
            if isinstance(error, OSError) or issubclass(type(value), Media):
                raise
            reason = f"{type(error).__name__}: {error}"
            recorder.warn(f"{key}: this value could not be read ({reason}); it is recorded as text")
            continue
        if recorded is not value:
            found = dict(data) if found is None else found
            found[key] = recorded
    return data if found is None else found


def _recorded(value: Any, recorder: Recorder, key: str, step: int | str, above: tuple[int, ...] = ()) -> Any:
    if isinstance(value, Media):
        return _attempt(lambda: value.recorded(recorder, key, step), recorder, key)
    if isinstance(value, Mapping):
        return _tree_recorded(value, recorder, step, above)
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, Media) for item in value):
        return _list_recorded(value, recorder, key, step)
    if isinstance(value, (int, float, str)) or getattr(value, "ndim", None) == 0:
        return value  # a number of some library's: nothing to record
    from runstore.sdk.media import foreign

    return _attempt(lambda: foreign.recorded(value, recorder, key, step), recorder, key)


def _list_recorded(items: Sequence[Media], recorder: Recorder, key: str, step: int | str) -> Any:
    kind = type(items[0])
    if not all(isinstance(item, kind) for item in items):
        return [_recorded(item, recorder, key, step) for item in items]
    most = kind.most_together
    if most is not None and len(items) > most:
        recorder.warn(
            f"{key}: of a list of {kind.__name__}, W&B's tools take {most}; only the first {most} are recorded"
        )
        items = items[:most]
    return _attempt(lambda: kind.recorded_together(items, recorder, key, step), recorder, key)


def _attempt(record: Callable[[], Any], recorder: Recorder, key: str) -> Any:
    try:
        return record()
    except OSError as error:
        reason = error.strerror or error  # without the path, which another step's differs in: it is said once
        recorder.warn(f"{key}: this value's files could not be written ({reason}); the row goes on without it")
        return None

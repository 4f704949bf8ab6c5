"""Values of other libraries' types in a row: figures become charts, data frames tables, arrays lists or histograms."""

from __future__ import annotations

import operator
import sys
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runstore.sdk.media import arrays
from runstore.sdk.media.base import Media
from runstore.sdk.media.rows import PLAIN
from runstore.sdk.values import MAX_DEPTH

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder


def recorded(value: Any, recorder: Recorder, key: str, step: int | str, above: tuple[int, ...] = ()) -> Any:
    """Return what stands for `value` under `key`, with all that lies in lists and dicts of it; the same object where
    nothing in it is of another library. `above` names what the value lies in, so that a circle ends where it closes.
    Raises OSError where a file can't be written.
    """
    if type(value) in PLAIN or id(value) in above or len(above) > MAX_DEPTH:
        return value
    above = (*above, id(value))
    if isinstance(value, Media):
        return value.recorded(recorder, key, step)
    if isinstance(value, Mapping):
        named = {name: recorded(item, recorder, str(name), step, above) for name, item in value.items()}
        return value if all(named[name] is item for name, item in value.items()) else named
    if isinstance(value, (list, tuple, set, frozenset, range, deque)):
        items = [recorded(item, recorder, key, step, above) for item in value]
        unchanged = isinstance(value, (list, tuple)) and all(map(operator.is_, items, value))
        return value if unchanged else items
    media = _media_of(value)
    if media is not None:
        return media.recorded(recorder, key, step)
    return arrays.condensed(value, key, step, recorder.warn)


def _media_of(value: Any) -> Media | None:
    """Return the media object that stands for a figure or a data frame; None for anything else."""
    library = getattr(value, "__name__", "") if type(value) is type(sys) else type(value).__module__
    if library.startswith(("plotly.", "matplotlib.")):
        from runstore.sdk.media.plotly import media_of_figure

        return media_of_figure(value)
    if library.partition(".")[0] == "pandas" and type(value).__name__ == "DataFrame":
        from runstore.sdk.media.table import Table

        table: Media = Table(dataframe=value)
        return table
    return None

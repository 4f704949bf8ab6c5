"""Interactive charts: figures of Plotly, and those of matplotlib that Plotly can draw."""

from __future__ import annotations

import datetime
import sys
import warnings
from typing import Any

from runstore.sdk.media.base import Media, WrongMedia
from runstore.sdk.media.onefile import FileMedia, file_json, library
from runstore.sdk.values import plain


class Plotly(FileMedia):
    """A figure that can be zoomed into and read out, kept as Plotly's JSON."""

    log_type = "plotly-file"
    folder = "plotly"

    def __init__(self, val: Any) -> None:
        """Take a figure of Plotly's, or one of matplotlib's, which is converted.

        Raises WrongMedia, a ValueError, where `val` is neither, or where it shows images, which the conversion would
        lose; UsageError where plotly is needed and not installed.
        """
        super().__init__()
        if not _is_plotly(val):
            figure = _matplotlib_figure(val)
            if figure is None:
                raise WrongMedia(f"Plotly takes a figure of plotly or of matplotlib, not {type(val).__name__}")
            if _has_images(figure):
                raise WrongMedia("a matplotlib figure with images can't become a Plotly chart; log it as an Image")
            val = _converted(figure)
        self._from_bytes(file_json(_jsonable(val.to_plotly_json())), "plotly.json")


def media_of_figure(value: Any) -> Media | None:
    """Return what a figure of plotly's or matplotlib's is recorded as; None where `value` is no figure.

    A figure of matplotlib's, or anything drawn in one, becomes an interactive chart where plotly is installed and
    can draw the whole of it, and an image otherwise.
    """
    if _is_plotly(value):
        return Plotly(value)
    figure = _matplotlib_figure(value)
    if figure is None:
        return None
    if not _has_images(figure):
        try:
            with warnings.catch_warnings():
                # So it says that something in the figure is not in the chart.
                warnings.simplefilter("error", UserWarning)
                return Plotly(figure)
        except Exception:  # the conversion fails in ways of its own; the image holds everything
            pass
    from runstore.sdk.media.image import Image

    image: Media = Image(figure)
    return image


def _is_plotly(value: Any) -> bool:
    kind = type(value)
    return kind.__module__.startswith("plotly.") and kind.__name__ in ("Figure", "FigureWidget")


def _matplotlib_figure(value: Any) -> Any:
    """Return the figure that `value` is, is drawn in, or (pyplot itself) is drawing; None where there is none."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and value is pyplot:
        return pyplot.gcf()
    figures = sys.modules.get("matplotlib.figure")
    if figures is None or not type(value).__module__.startswith("matplotlib."):
        return None
    if not isinstance(value, figures.Figure):
        value = getattr(value, "figure", None)
    return value if isinstance(value, figures.Figure) else None


def _has_images(figure: Any) -> bool:
    return any(axes.images for axes in figure.axes)


def _converted(figure: Any) -> Any:
    convert = library("plotly.tools", "an interactive chart of a matplotlib figure").mpl_to_plotly
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # between the two libraries; nobody here can act on it
        return convert(figure)


def _jsonable(value: Any) -> Any:
    """Return Plotly's JSON as JSON's own types: arrays are lists whatever their size, since they are what is drawn."""
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if type(value).__module__ == "numpy" and value.dtype.kind == "M":  # nanoseconds would be listed as plain integers
        value = value.astype("datetime64[us]")
    as_list = getattr(value, "tolist", None)
    if callable(as_list):
        listed = as_list()
        return _jsonable(listed) if type(listed) is not type(value) else listed
    return plain(value)

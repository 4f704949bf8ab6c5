"""Pictures from arrays, tensors and figures, pixel for pixel as W&B's library makes them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

from runstore.sdk.media.base import WrongMedia, WrongMediaType
from runstore.sdk.media.onefile import as_array, is_tensor, library, type_name

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # Pillow's, by channels


def as_picture(data: Any, mode: str | None, file_type: str, remarks: list[str]) -> Picture:
    """Return `data` as a picture of Pillow's; adds to `remarks` what the user should hear.

    Values of arrays are taken as they are, from 0 to 255, cut to integers. Raises WrongMedia for a shape that is no
    picture's, WrongMediaType for anything that is no array.
    """
    pillow = library("PIL.Image", "Image")
    if type_name(data).startswith("matplotlib."):
        file = io.BytesIO()
        _figure(data).savefig(file, format=file_type)
        return cast("Picture", pillow.open(file))
    if isinstance(data, pillow.Image):
        return cast("Picture", data)
    pixels = _pixels(data)
    mode = mode or _mode(pixels, file_type, remarks)
    return cast("Picture", pillow.fromarray(_as_bytes(pixels, remarks)).convert(mode))


def _figure(drawn: Any) -> Any:
    """Return the figure that something of matplotlib's belongs to; for pyplot, its current one."""
    if callable(getattr(drawn, "gcf", None)):
        return drawn.gcf()
    if not hasattr(drawn, "savefig"):
        drawn = getattr(drawn, "figure", None)
    if not hasattr(drawn, "savefig"):
        raise WrongMedia("of matplotlib's, Image takes pyplot, a figure, or what is drawn in one")
    return drawn


def _pixels(data: Any) -> Any:
    """Return an array of the shape (height, width) or (height, width, channels)."""
    pixels = as_array(data)
    if pixels.dtype.kind not in "biuf":
        kind = f" of {pixels.dtype}" if hasattr(data, "dtype") else ""
        raise WrongMediaType(f"Image takes arrays of numbers, pictures, figures and paths, not {type_name(data)}{kind}")
    shape = pixels.shape
    if not pixels.size:
        raise WrongMedia(f"an array of shape {shape} is no image: it has no pixels")
    channels_first = _has_channels_first(data)
    if pixels.ndim > 2 and pixels.squeeze().ndim > 1 and not (channels_first and pixels.ndim == 3):
        pixels = pixels.squeeze()
    if pixels.ndim == 1:  # a column, as W&B's library has it
        pixels = pixels[:, None]
    if channels_first and pixels.ndim == 3:
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim not in (2, 3):
        raise WrongMedia(
            f"an array of shape {shape} is no image: it needs height, width and perhaps 1, 3 or 4 channels"
        )
    return pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _has_channels_first(data: Any) -> bool:
    """Return whether it is PyTorch's tensor; of subclasses, such as fastai's, W&B's library takes channels last."""
    return is_tensor(data) and type_name(data).startswith("torch.")


def _mode(pixels: Any, file_type: str, remarks: list[str]) -> str:
    """Return Pillow's mode for an array."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels not in _MODES:
        raise WrongMedia(f"an array of shape {pixels.shape} is no image: it has {channels} channels, not 1, 3 or 4")
    if channels == 4 and file_type in ("jpg", "jpeg"):
        remarks.append("JPEG has no transparency; the image's fourth channel is left out")
        return "RGB"
    return _MODES[channels]


def _as_bytes(pixels: Any, remarks: list[str]) -> Any:
    """Return integers from 0 to 255; what lies outside wraps around, as in W&B's library."""
    import numpy as np

    if pixels.dtype.kind == "f":
        with np.errstate(invalid="ignore"):  # NaN has no integer
            if pixels.size and 0 < pixels.max() <= 1:
                remarks.append("an image's values all lie between 0 and 1, which is black: multiply them by 255")
            return pixels.astype(np.uint8)
    return pixels.astype(np.uint8)

"""Video files from arrays of frames.

GIF is written by Pillow, the rest by the ffmpeg that the package imageio-ffmpeg brings along: one wheel for each
platform and no compiler, so that it can be carried to machines without a network, and a process of its own, so that
its libraries can't clash with those of the training program.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import WrongMedia
from runstore.sdk.media.onefile import library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CODECS = {"mp4": "libx264", "webm": "libvpx", "ogg": "libtheora"}
_PIXELS = {1: "gray", 3: "rgb24", 4: "rgba"}  # ffmpeg's names, by channels


def grid(video: Any, remarks: list[str]) -> NDArray[np.uint8]:
    """Return frames of shape (time, height, width, channel), a batch's videos side by side.

    `video` has the shape (time, channel, height, width), or the same with the batch before it; a batch fills the
    next power of two, black where it has no more. Raises WrongMedia for any other shape.
    """
    import numpy as np

    if video.dtype.kind not in "biuf" or video.ndim not in (4, 5) or 0 in video.shape:
        raise WrongMedia(
            f"Video takes numbers of shape (time, channel, height, width), not {video.dtype} of {video.shape}"
        )
    if video.ndim == 4:
        video = video[None]
    if video.dtype != np.uint8:
        remarks.append("a video's frames were converted to integers from 0 to 255")
        with np.errstate(invalid="ignore"):  # NaN has no integer
            video = video.astype(np.uint8)
    count, time, channels, height, width = video.shape
    if channels not in _PIXELS:
        raise WrongMedia(
            f"a video of {channels} channels can't be shown; it needs 1, 3 or 4: (time, channel, height, width)"
        )
    rows = 2 ** ((count.bit_length() - 1) // 2)
    places = 1 << (count - 1).bit_length()
    if places > count:
        video = np.concatenate((video, np.zeros((places - count, *video.shape[1:]), np.uint8)))
    columns = places // rows
    tiles = video.reshape(rows, columns, time, channels, height, width)
    shown: NDArray[np.uint8] = tiles.transpose(2, 0, 4, 1, 5, 3).reshape(time, rows * height, columns * width, channels)
    return shown


def encoded(frames: NDArray[np.uint8], fps: float, file_type: str) -> bytes:
    """Return a file of `file_type` with these frames, `fps` a second.

    Raises WrongMedia where the encoder refuses, UsageError where it is not installed.
    """
    return _gif(frames, fps) if file_type == "gif" else _film(frames, fps, file_type)


def _gif(frames: NDArray[np.uint8], fps: float) -> bytes:
    pillow = library("PIL.Image", "Video as gif")
    # GIF knows no half transparency; W&B's library leaves the fourth channel out as well.
    shown = frames[..., 0] if frames.shape[3] == 1 else frames[..., :3]
    pictures = [pillow.fromarray(frame) for frame in shown]
    file = io.BytesIO()
    pictures[0].save(file, format="GIF", save_all=True, append_images=pictures[1:], loop=0, duration=1000 / fps)
    return file.getvalue()


def _film(frames: NDArray[np.uint8], fps: float, file_type: str) -> bytes:
    import numpy as np

    write_frames = library("imageio_ffmpeg", f"Video as {file_type}").write_frames
    _, height, width, channels = frames.shape
    options = {"pix_fmt_out": "yuv420p", "output_params": ["-preset", "medium"]}
    if file_type == "mp4" and (height % 2 or width % 2):
        options["pix_fmt_out"] = "yuv444p"  # the usual one halves both
    elif file_type == "webm" and channels == 4:
        options = {"pix_fmt_out": "yuva420p", "output_params": ["-preset", "medium", "-auto-alt-ref", "0"]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"video.{file_type}"
        writer = write_frames(
            str(path),
            (width, height),
            pix_fmt_in=_PIXELS[channels],
            fps=fps,
            codec=_CODECS[file_type],
            quality=None,  # the codec's own; with a number there would be other bytes than W&B's library writes
            macro_block_size=1,
            ffmpeg_log_level="error",
            **options,
        )
        try:
            writer.send(None)
            for frame in frames:
                writer.send(np.ascontiguousarray(frame))
            writer.close()
            return path.read_bytes()
        except OSError as error:
            raise WrongMedia(f"ffmpeg could not encode {file_type} of {width} x {height} pixels: {error}") from error

"""Video: clips to watch."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from runstore.sdk.media.base import StoredFolder, WrongMedia
from runstore.sdk.media.onefile import FileMedia, as_array

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

DEFAULT_FRAMES_PER_SECOND = 4  # as in W&B's library


class Video(FileMedia):
    """A clip, from frames or a file."""

    log_type = "video-file"
    folder = "videos"
    EXTS: ClassVar[tuple[str, ...]] = ("gif", "mp4", "webm", "ogg")

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: int | None = None,
        format: str | None = None,  # noqa: A002 - W&B's name for it
    ) -> None:
        """Take frames, a path, or a stream of a file's bytes.

        Frames have the shape (time, channel, height, width), with 1, 3 or 4 channels of integers from 0 to 255, or
        (batch, time, channel, height, width), which is shown as a grid. They are encoded at once, as `format` (gif,
        mp4, webm or ogg) with `fps` frames a second, 4 by default. A stream needs its `format` too.

        Raises WrongMedia for what can't be meant so, OSError for a file that can't be read, UsageError where the
        package that encodes is not installed: Pillow for gif, imageio-ffmpeg for the others.
        """
        super().__init__(caption)
        self._width: int | None = None
        self._height: int | None = None
        self._channels: int | None = None
        is_path = isinstance(data_or_path, (str, PurePath))
        if fps and (is_path or hasattr(data_or_path, "read")):
            self._remarks.append("a video's `fps` means nothing for a file; it is as the file has it")
        if is_path:
            self._format = _known(os.path.splitext(data_or_path)[1][1:].lower())
            self._from_path(data_or_path)
        elif hasattr(data_or_path, "read"):
            self._format = _known(format)
            self._from_bytes(_all_of(data_or_path), self._format)
        else:
            self._format = _known(format)
            self.data = as_array(data_or_path)
            self.encode(fps or DEFAULT_FRAMES_PER_SECOND)

    def encode(self, fps: int = DEFAULT_FRAMES_PER_SECOND) -> None:
        """Make a file of the frames in `data`."""
        from runstore.sdk.media import frames

        pictures = frames.grid(self.data, self._remarks)
        _, self._height, self._width, self._channels = (int(n) for n in pictures.shape)
        self._from_bytes(frames.encoded(pictures, fps, self._format), self._format)

    def _described(self) -> dict[str, Any]:
        said = super()._described()
        if self._width is not None and self._height is not None:
            said.update(width=self._width, height=self._height)
        return said

    def _understand(self, said: Mapping[str, Any], folder: StoredFolder) -> None:
        self._format, self._channels = self._extension, None
        self._width, self._height = said.get("width"), said.get("height")

    @classmethod
    def _json_together(cls, items: Sequence[Any], recorder: Recorder) -> dict[str, Any]:
        captions = False if items[0]._caption is None else [clip._caption for clip in items]
        videos = [clip._json() for clip in items]
        return {"_type": "videos", "count": len(items), "videos": videos, "captions": captions}


def _known(file_type: str | None) -> str:
    if file_type not in Video.EXTS:
        raise WrongMedia(
            f"a video's `format`, or its path's ending, must be one of {', '.join(Video.EXTS)}, not {file_type!r}"
        )
    return file_type


def _all_of(stream: Any) -> bytes:
    """Return a stream's bytes: from where it stands, or, if it stands at its end, all of it."""
    data = stream.read()
    if not data and hasattr(stream, "seek"):
        stream.seek(0, io.SEEK_SET)
        data = stream.read()
    if not isinstance(data, bytes):
        raise WrongMedia(f"a video's stream must hold bytes, not {type(data).__name__}")
    return data

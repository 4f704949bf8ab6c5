"""Audio: clips to listen to."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import StoredFolder, WrongMedia
from runstore.sdk.media.onefile import FileMedia, as_array, is_elsewhere, library

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder


class Audio(FileMedia):
    """A clip, from samples or a file."""

    log_type = "audio-file"
    folder = "audio"

    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None) -> None:
        """Take samples, of shape (n,) or (n, channels), with their `sample_rate` in Hz; or a path; or an address.

        Samples become a WAV file of 16 bits at once; floats are from -1 to 1. A file is copied when it is logged; an
        address (http, s3, gs) can only be put into an artifact.

        Raises WrongMedia for samples without a rate, OSError for a file that can't be read, UsageError where the
        package soundfile is not installed.
        """
        super().__init__(caption)
        self._sample_rate = sample_rate
        self._duration: float | None = None  # seconds
        if is_elsewhere(data_or_path):
            self._from_elsewhere(data_or_path)
        elif isinstance(data_or_path, (str, PurePath)):
            self._from_path(data_or_path)
        else:
            self._encode(data_or_path)

    @classmethod
    def durations(cls, audio_list: Sequence[Audio]) -> list[float | None]:
        """Return the length of each clip in seconds; None for files."""
        return [clip._duration for clip in audio_list]

    @classmethod
    def sample_rates(cls, audio_list: Sequence[Audio]) -> list[int | None]:
        """Return the sample rate of each clip in Hz, where it was given."""
        return [clip._sample_rate for clip in audio_list]

    @classmethod
    def _json_together(cls, items: Sequence[Any], recorder: Recorder) -> dict[str, Any]:
        said = {
            "_type": "audio",
            "count": len(items),
            "audio": [clip._json() for clip in items],
            "sampleRates": cls.sample_rates(items),
            "durations": cls.durations(items),
        }
        if any(clip._caption is not None for clip in items):
            said["captions"] = ["" if clip._caption is None else clip._caption for clip in items]
        return said

    def _understand(self, said: Mapping[str, Any], folder: StoredFolder) -> None:
        self._sample_rate = self._duration = None

    def _encode(self, samples: Any) -> None:
        if self._sample_rate is None:
            raise WrongMedia("Audio of samples needs their `sample_rate` in Hz")
        samples = as_array(samples)
        if samples.dtype.kind not in "iuf" or samples.ndim not in (1, 2):
            raise WrongMedia(
                f"Audio takes samples of shape (n,) or (n, channels) or a path, not {samples.dtype} of {samples.shape}"
            )
        file = io.BytesIO()
        library("soundfile", "Audio of samples").write(file, samples, self._sample_rate, format="WAV")
        self._duration = len(samples) / float(self._sample_rate)
        self._from_bytes(file.getvalue(), "wav")

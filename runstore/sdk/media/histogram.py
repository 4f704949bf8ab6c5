"""Histograms: how many values fall into each of up to 512 bins. They stand in the row itself, without a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import ArtifactFolder, Media, StoredFolder, WrongMedia, WrongMediaType

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder


class Histogram(Media):
    """The distribution of some numbers.

    `histogram` is the list of counts, `bins` the list of the bins' edges, which has one item more.
    """

    log_type = "histogram"
    MAX_LENGTH = 512

    def __init__(
        self,
        sequence: Any = None,
        np_histogram: tuple[Any, Any] | None = None,
        num_bins: int = 64,
    ) -> None:
        """Count the numbers of `sequence` in `num_bins` bins, or take what numpy.histogram returned.

        `sequence` is anything that numpy can make an array of, of any shape, or a tensor; its NaNs and infinities
        are left out. Raises ValueError where there are more than 512 bins, where edges and counts don't fit, or where
        no number is finite; TypeError where `sequence` holds no numbers.
        """
        if np_histogram is not None:
            if len(np_histogram) != 2:
                raise WrongMedia("np_histogram must be a tuple of two: the counts, and the edges of the bins")
            self.histogram, self.bins = _as_list(np_histogram[0]), _as_list(np_histogram[1])
        else:
            if num_bins > self.MAX_LENGTH:
                raise WrongMedia(f"a histogram has {self.MAX_LENGTH} bins at most, not {num_bins}")
            self.histogram, self.bins = _counted(sequence, num_bins)
        if len(self.histogram) > self.MAX_LENGTH:
            raise WrongMedia(f"a histogram has {self.MAX_LENGTH} bins at most, not {len(self.histogram)}")
        if len(self.histogram) + 1 != len(self.bins):
            raise WrongMedia(f"{len(self.histogram)} counts need {len(self.histogram) + 1} edges, not {len(self.bins)}")

    def to_json(self, run: object = None) -> dict[str, Any]:
        """Return the JSON object that stands for it in a row; `run` is accepted as W&B's is, and not needed."""
        return {"_type": self.log_type, "values": self.histogram, "bins": self.bins}

    def recorded(self, recorder: Recorder, key: str, step: int | str) -> dict[str, Any]:
        """Return what stands for it; there is no file."""
        return self.to_json()

    @classmethod
    def restored(cls, said: Mapping[str, Any], folder: StoredFolder) -> Histogram:
        """See Media.restored."""
        return cls(np_histogram=(said["values"], said["bins"]))

    def in_artifact(self, artifact: ArtifactFolder) -> dict[str, Any]:
        """See Media.in_artifact."""
        return self.to_json()


def _as_list(numbers: Any) -> list[Any]:
    as_list = getattr(numbers, "tolist", None)
    return list(as_list() if callable(as_list) else numbers)


def _counted(sequence: Sequence[Any] | Any, num_bins: int) -> tuple[list[int], list[float]]:
    import numpy

    from runstore.sdk.media.arrays import as_array, finite

    if sequence is None:
        raise WrongMediaType("a Histogram needs a sequence of numbers, or np_histogram")
    array = as_array(sequence)
    array = numpy.asarray(sequence) if array is None else array
    if array.dtype.kind == "O":  # tensors in a list, Decimal, None
        array = array.astype(float)
    if array.dtype.kind not in "biuf":
        raise WrongMediaType(f"a Histogram is made of real numbers, not of {array.dtype}")
    kept = finite(array)
    if array.size and not kept.size:
        raise WrongMedia("a Histogram needs a finite number: all of these are NaN or infinite")
    counts, edges = numpy.histogram(kept, bins=num_bins)
    return counts.tolist(), edges.tolist()

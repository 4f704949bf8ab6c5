"""What TensorBoard's values become in a run: numbers, Images, Histograms, Videos, Audio, texts, tables of curves."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import runstore
from runstore.integrations.tensorboard import tensors
from runstore.integrations.tensorboard.events import Buckets, Value

if TYPE_CHECKING:
    import numpy.typing as npt

_SIZES = 2  # a tensor of pictures begins with their width and height
_NO_LIMIT = 1e300  # TensorFlow's last bucket ends at the greatest double


class Conversion:
    """Makes what can be logged of values. Files that it has to make lie in a folder of its own until `forget`."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[Path] = []

    def of(self, value: Value) -> Any:
        """Return what `value` is logged as; None for what has no place in a run. Raises what making media raises."""
        if value.kind == "scalar":
            return _number(value.number)
        if value.kind == "image":
            return self._pictures([value.encoded])
        if value.kind == "audio":
            return runstore.Audio(str(self._file(value.encoded, "wav")))
        if value.buckets is not None:
            return _histogram(value.buckets)
        return self._of_tensor(value)

    def forget(self) -> None:
        """Delete the files that were made; what was logged has copies."""
        for file in self._files:
            file.unlink(missing_ok=True)
        self._files.clear()

    def close(self) -> None:
        """Delete the folder."""
        if self._folder is not None:
            self._folder.cleanup()

    def _of_tensor(self, value: Value) -> Any:
        if value.plugin == "images":
            return self._pictures(tensors.strings(value.encoded)[_SIZES:])
        if value.plugin == "text":
            texts = [text.decode("utf-8", "replace") for text in tensors.strings(value.encoded)]
            return texts[0] if len(texts) == 1 else texts or None
        if value.plugin not in ("", "scalars", "histograms", "pr_curves"):
            return None
        array = tensors.array(value.encoded)
        if array is None:
            return None
        if value.plugin == "histograms":
            return _histogram_of_rows(array)
        if value.plugin == "pr_curves":
            return _curve(array)
        return array.item() if array.size == 1 else None

    def _pictures(self, encoded: list[bytes]) -> Any:
        if encoded and encoded[0].startswith(b"GIF"):
            return [runstore.Video(str(self._file(film, "gif"))) for film in encoded]
        return [runstore.Image(str(self._file(picture, _extension(picture)))) for picture in encoded] or None

    def _file(self, content: bytes, extension: str) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="runstore-tensorboard-")
        path = Path(self._folder.name) / f"{len(self._files)}.{extension}"
        path.write_bytes(content)
        self._files.append(path)
        return path


def _extension(picture: bytes) -> str:
    return "jpg" if picture.startswith(b"\xff\xd8") else "bmp" if picture.startswith(b"BM") else "png"


def _number(number: float) -> float:
    """Return a float32 as the float64 that is written with the fewest digits: 0.1, not 0.10000000149011612."""
    import numpy as np

    with np.errstate(over="ignore"):
        return float(str(np.float32(number)))


def _histogram(buckets: Buckets) -> Any:
    """Return a histogram of buckets that end at limits; None for one without."""
    limits, counts = list(buckets.limits), list(buckets.counts)
    if not limits or len(limits) != len(counts):
        return None
    if limits[-1] > _NO_LIMIT:
        limits[-1] = max(buckets.greatest, limits[-2] if len(limits) > 1 else buckets.greatest)
    if len(counts) > 1 and counts[0] == 0:  # it is there to say where the next one begins
        return _thinned(counts[1:], limits)
    width = limits[1] - limits[0] if len(limits) > 1 else 1.0
    return _thinned(counts, [buckets.least if buckets.least < limits[0] else limits[0] - width, *limits])


def _histogram_of_rows(array: npt.NDArray[Any]) -> Any:
    """Return a histogram of rows of left edge, right edge and count."""
    if array.ndim != 2 or array.shape[1] != 3 or not len(array):
        return None
    return _thinned(array[:, 2].tolist(), [*array[:1, 0].tolist(), *array[:, 1].tolist()])


def _thinned(counts: list[float], edges: list[float]) -> Any:
    """Return a histogram of at most the bins that it may have; each of the new ones takes an equal share of the old."""
    import numpy as np

    most = runstore.Histogram.MAX_LENGTH
    if len(counts) > most:
        old = np.arange(len(edges))
        new = np.linspace(0, len(counts), most + 1)
        below = np.concatenate([[0.0], np.cumsum(counts)])
        counts = np.diff(np.interp(new, old, below)).tolist()
        edges = np.interp(new, old, edges).tolist()
    return runstore.Histogram(np_histogram=(_whole(counts), edges))


def _whole(counts: list[float]) -> list[float]:
    return [int(count) for count in counts] if all(count == int(count) for count in counts) else counts


def _curve(array: npt.NDArray[Any]) -> Any:
    """Return a chart of precision over recall, which are the last two rows."""
    if array.ndim != 2 or len(array) < 2:
        return None
    points = [[float(recall), float(precision)] for precision, recall in array[-2:].T if precision or recall]
    rows = sorted(points, key=lambda point: (point[0], -point[1]))
    return runstore.visualize("wandb/line/v0", runstore.Table(columns=["recall", "precision"], data=rows))

"""What arrays and tensors become in a row and in the summary, whatever library they are of.

As W&B has it: one element is a number, up to 32 are nested lists. Beyond that an array is condensed, in a row to a
histogram of 32 bins, in the summary to its statistics. What can't be condensed, such as text, stays whole.

Nothing is imported for a value's sake but numpy, and that only where an array was found.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import SUMMARY_STEP

if TYPE_CHECKING:
    import numpy

MOST_KEPT_WHOLE = 32
BINS = 32
_PERCENTILES = (10, 25, 75, 90)
# What conversions raise, in whatever library, for what they can't do: a tensor without storage, an implicit copy.
_NOT_CONVERTIBLE = (TypeError, ValueError, RuntimeError, AttributeError)


def condensed(value: Any, key: str, step: int | str, warn: Callable[[str], None]) -> Any:
    """Return what stands for an array or tensor under `key`; `value` itself where it is none.

    `step` is the row's, or SUMMARY_STEP. Numbers that a histogram can't hold are left out, and `warn` is told.
    """
    array = as_array(value)
    if array is None:
        return value
    if array.dtype.kind == "M":
        import numpy

        array = numpy.datetime_as_string(array)
    if array.size == 1:
        return array.reshape(-1)[0]
    if array.size <= MOST_KEPT_WHOLE:
        return array.tolist()
    numbers = _numbers(array)
    if numbers is None:
        return array.tolist()
    return _statistics(numbers, value) if step == SUMMARY_STEP else _histogram(numbers, key, warn)


def as_array(value: Any) -> numpy.ndarray[Any, Any] | None:
    """Return an array or tensor of any library as numpy's, in the processor's memory; None where it is none."""
    torch = sys.modules.get("torch")
    tensor = getattr(torch, "Tensor", None)  # None while torch is still being imported
    try:
        if tensor is not None and isinstance(value, tensor):
            return _of_tensor(value)
        if isinstance(value, type) or not hasattr(value, "__array__") or not hasattr(value, "shape"):
            return None
        import numpy

        if isinstance(value, numpy.generic):
            return None  # a number
        array: numpy.ndarray[Any, Any] = numpy.asanyarray(value)  # a masked one stays masked
        return array
    except _NOT_CONVERTIBLE:
        return None


def finite(array: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """Return the elements of an array of numbers that are neither NaN nor infinite nor masked, in one dimension."""
    import numpy

    flat = array.compressed() if isinstance(array, numpy.ma.MaskedArray) else numpy.ravel(array)
    if flat.dtype.kind == "b":
        return flat.astype(numpy.uint8)
    if flat.dtype.kind != "f":
        return flat
    kept = numpy.isfinite(flat)
    return flat if kept.all() else flat[kept]


def _of_tensor(tensor: Any) -> numpy.ndarray[Any, Any]:
    tensor = tensor.detach()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if str(tensor.layout) != "torch.strided":
        tensor = tensor.to_dense()
    try:
        array: numpy.ndarray[Any, Any] = tensor.numpy(force=True)
    except TypeError:  # bfloat16 and the like, which numpy doesn't know
        array = tensor.float().numpy(force=True)
    return array


def _numbers(array: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any] | None:
    """Return an array of real numbers; None where it holds something else."""
    if array.dtype.kind == "O":
        try:
            return array.astype(float)
        except (TypeError, ValueError):
            return None
    if array.dtype.kind == "b":
        return array.astype("u1")
    return array if array.dtype.kind in "iuf" else None


def _histogram(array: numpy.ndarray[Any, Any], key: str, warn: Callable[[str], None]) -> dict[str, Any] | None:
    import numpy

    kept = finite(array)
    if kept.size < array.size:
        warn(f"{key}: NaN and infinite elements of this array are left out of its histogram")
    if not kept.size:
        return None
    counts, edges = numpy.histogram(kept, bins=BINS)
    return {"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()}


def _statistics(array: numpy.ndarray[Any, Any], value: Any) -> dict[str, Any]:
    import numpy

    with numpy.errstate(all="ignore"):  # NaN and infinities are an answer too
        found: dict[str, Any] = {
            "_type": _name_of_type(value),
            "var": numpy.var(array).item(),
            "mean": numpy.mean(array).item(),
            "min": numpy.amin(array).item(),
            "max": numpy.amax(array).item(),
        }
        for percent in _PERCENTILES:
            found[f"{percent}%"] = numpy.percentile(array, percent).item()
    return {**found, "size": array.size}


def _name_of_type(value: Any) -> str:
    """Return what W&B calls the type of an array: its library and its class; "torch.Tensor" for all of torch's."""
    library = type(value).__module__.partition(".")[0]
    return f"{library}.Tensor" if library in ("torch", "tensorflow") else f"{library}.{type(value).__name__}"

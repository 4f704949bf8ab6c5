"""Count a torch tensor's elements in bins, on the device where the tensor is, in the way of W&B's `watch`."""

from __future__ import annotations

import math
import sys
from typing import Any

NUMBER_OF_BINS = 64


def binned(tensor: Any) -> dict[str, Any] | None:
    """Return the histogram of a tensor as JSON: 64 bins from the least to the greatest element, one if all are equal.

    NaN and infinities are left out; None where nothing is left. The zeros that a sparse tensor leaves out are counted.
    Two numbers and the counts come back from the device, however large the tensor is. Of complex numbers the real part
    is counted. Raises ValueError and RuntimeError where that can't be done.
    """
    torch: Any = sys.modules["torch"]
    flat, zeros = _elements(torch, tensor)
    is_finite = torch.isfinite(flat)
    if not is_finite.all():
        flat = flat[is_finite]
    if not flat.numel():
        return None
    low, high = (bound.item() for bound in torch.aminmax(flat))
    if zeros:
        low, high = min(low, 0), max(high, 0)
    if low == high:
        counts, edges = [flat.numel()], [low, high]
    else:
        counts = [int(count) for count in _counts(flat, low, high)]
        edges = torch.linspace(low, high, steps=NUMBER_OF_BINS + 1, device="cpu").tolist()
        if not all(map(math.isfinite, edges)):
            raise ValueError(f"no bins of equal width reach from {low} to {high}")
    if zeros:
        counts[_bin_of_zero(edges)] += zeros
    return {"_type": "histogram", "values": counts, "bins": edges}


def _elements(torch: Any, tensor: Any) -> tuple[Any, int]:
    """Return the elements in one dimension, of a type that they can be counted in, and how many zeros are not there."""
    tensor = tensor.detach()
    zeros = 0
    if tensor.is_sparse:
        stored = tensor.coalesce().values()
        zeros = tensor.numel() - stored.numel()
        tensor = stored
    flat = (tensor.real if tensor.is_complex() else tensor).reshape(-1)
    if flat.device.type not in ("cpu", "cuda"):  # other accelerators can't count
        flat = flat.cpu()
    return flat if flat.dtype in (torch.float32, torch.float64) else flat.float(), zeros


def _counts(flat: Any, low: float, high: float) -> list[float]:
    try:
        counts = flat.histc(bins=NUMBER_OF_BINS, min=low, max=high)
    except RuntimeError:
        # A CUDA device that was told to be deterministic can't count.
        if flat.device.type == "cpu":
            raise
        counts = flat.cpu().histc(bins=NUMBER_OF_BINS, min=low, max=high)
    found: list[float] = counts.tolist()
    return found


def _bin_of_zero(edges: list[float]) -> int:
    """Return which bin zero falls into: the one that begins with it, or else the one that it lies in."""
    for i in range(len(edges) - 2):
        if edges[i] <= 0 < edges[i + 1]:
            return i
    return len(edges) - 2

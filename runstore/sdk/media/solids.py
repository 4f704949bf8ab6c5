"""Boxes in space, for the scenes of Object3D."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypedDict

from runstore.sdk.media.base import WrongMedia

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Color = tuple[float, float, float]


class Box3D(TypedDict):
    """A box by its eight corners, as W&B's tools draw it."""

    corners: tuple[tuple[float, ...], ...]
    color: Color
    label: str | None
    score: float | None


def box3d(
    *,
    center: ArrayLike,
    size: ArrayLike,
    orientation: ArrayLike,
    color: Color,
    label: str | None = None,
    score: float | None = None,
) -> Box3D:
    """Return a box for `Object3D.from_point_cloud`.

    `center` and `size` are x, y and z; `orientation` is a quaternion (r, x, y, z), not zero, that turns the box about
    its center; `color` is red, green, blue from 0 to 1; `score` is shown and may be filtered by.
    Raises WrongMedia for numbers that are no such thing.
    """
    import numpy as np

    middle, sides = _numbers("center", center, 3), _numbers("size", size, 3)
    rotation = _rotation(_numbers("orientation", orientation, 4))
    signs = np.array(list(itertools.product((-1, 1), repeat=3)), dtype=np.float64)
    corners = middle + (0.5 * sides * signs) @ rotation
    return {"corners": tuple(map(tuple, corners.tolist())), "color": color, "label": label, "score": score}


def _numbers(name: str, values: ArrayLike, count: int) -> NDArray[Any]:
    import numpy as np

    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (count,):
        raise WrongMedia(f"a box's `{name}` must be {count} numbers, not of shape {numbers.shape}")
    return numbers


def _rotation(quaternion: NDArray[Any]) -> NDArray[Any]:
    """Return the matrix that turns row vectors, `points @ matrix`, as the quaternion says."""
    import numpy as np

    largest = abs(quaternion).max()
    if not largest > 0:
        raise WrongMedia("a box's `orientation` must be a quaternion other than zero")
    unit = quaternion / largest  # first, so that the norm of tiny or huge numbers is exact
    r, i, j, k = unit / np.linalg.norm(unit)
    ii, jj, kk = i**2, j**2, k**2
    ij, ik, jk = i * j, i * k, j * k
    ir, jr, kr = i * r, j * r, k * r
    rows = (
        (1 - 2 * (jj + kk), 2 * (ij + kr), 2 * (ik - jr)),
        (2 * (ij - kr), 1 - 2 * (ii + kk), 2 * (jk + ir)),
        (2 * (ik + jr), 2 * (jk - ir), 1 - 2 * (ii + jj)),
    )
    return np.array(rows, dtype=np.float64)

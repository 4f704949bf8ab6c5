"""Columns of arrays in a file of numpy's, read without running what a stranger's file may hold.

Arrays of one shape are plain. Where some are missing, numpy pickles the column; of such a pickle only what makes arrays
is allowed.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runstore.sdk.media.base import WrongMedia

_ALLOWED = {
    (module, name)
    for package in ("numpy.core", "numpy._core")
    for module, name in ((f"{package}.multiarray", "_reconstruct"), (f"{package}.numeric", "_frombuffer"))
} | {("numpy", "ndarray"), ("numpy", "dtype")}


def arrays_in(path: Path, key: str) -> Sequence[Any]:
    """Return the arrays of one column, None for those that are missing. Raises WrongMedia for what is no such file."""
    import numpy as np

    try:
        with zipfile.ZipFile(path) as members:
            file = io.BytesIO(members.read(f"{key}.npy"))
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        if dtype.hasobject:
            return list(_Arrays(file).load().reshape(shape))
        file.seek(0)
        return list(np.load(file, allow_pickle=False))
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise WrongMedia(f"{path}: holds no arrays of the column {key!r} ({error})") from error


class _Arrays(pickle.Unpickler):
    """Makes arrays, and refuses everything else that a pickle can ask for."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what makes arrays."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which makes no array")
        return super().find_class(module, name)

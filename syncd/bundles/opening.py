"""Open a part of a bundle, whether it is encrypted or not, and see who has signed it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from runstore.errors import NotFound, StorageError, UsageError
from runstore.syncd.bundles.keys import PublicKey, SecretKey, check_trusted
from runstore.syncd.bundles.manifest import WrongBundle
from runstore.syncd.bundles.part import PartReader, UnreadablePart
from runstore.syncd.bundles.regular import open_regular
from runstore.syncd.bundles.sealed import is_sealed, open_sealed


@dataclass(frozen=True)
class Trust:
    """Whose bundles are taken, those of anybody where `keys` is empty; and the key that decrypts."""

    keys: Sequence[PublicKey] = ()
    secret: SecretKey | None = None


@contextlib.contextmanager
def opened_part(path: Path, key: SecretKey | None, scratch: Path | None = None) -> Iterator[PartReader]:
    """Open a part; one that is encrypted is first decrypted to a file in `scratch` that is gone afterwards.

    Raises NotFound, UsageError where there is no key for an encrypted part, WrongBundle, UnreadablePart, and
    StorageError where there is no room to decrypt it.
    """
    if not _is_sealed(path):
        with PartReader(path) as part:
            yield part
        return
    if key is None:
        raise UsageError(f"{path}: is encrypted; give --key with the secret key that it was encrypted for")
    with tempfile.TemporaryFile(dir=scratch) as file:
        plain = cast(BinaryIO, file)
        _decrypt(path, plain, key)
        with PartReader(path, plain) as part:
            yield part


def checked_signature(part: PartReader, trust: Trust) -> PublicKey | None:
    """Return who signed a part, None: nobody; raises WrongBundle where that is not somebody to be trusted."""
    if part.signature is None and not trust.keys:
        return None
    try:
        return check_trusted(part.encoded, part.signature, list(trust.keys))
    except WrongBundle as error:
        raise WrongBundle(f"{part.path}: {error}; nothing of it was taken") from error


def _is_sealed(path: Path) -> bool:
    try:
        return is_sealed(path)
    except FileNotFoundError:
        raise NotFound(f"{path}: there is no such file") from None
    except WrongBundle as error:
        raise WrongBundle(f"{path}: {error}") from error
    except OSError as error:
        raise UnreadablePart(f"{path}: can't be read ({error.strerror}); is its disk still there?") from error


def _decrypt(path: Path, plain: BinaryIO, key: SecretKey) -> None:
    try:
        with open_regular(path) as source:
            open_sealed(source, plain, key, lambda size: None)
    except WrongBundle as error:
        raise WrongBundle(f"{path}: {error}") from error
    except OSError as error:
        raise StorageError(f"{path}: can't be decrypted ({error.strerror}); it takes as much room once more") from error

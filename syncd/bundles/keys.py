"""Keys of people and machines that exchange bundles: one to sign and one to decrypt, in one file; made by libsodium.

    NAME.key   runstore-bundle-secret-1 BASE64        mode 0600; signs bundles and receipts, and decrypts
    NAME.pub   runstore-bundle-public-1 BASE64 NAME   for everybody: to trust what was signed, to encrypt for its owner

BASE64 holds 32 bytes of Ed25519 (the seed, or the public key), then 32 of X25519. A file may hold several public keys,
one a line; empty lines, and such that begin with #, mean nothing.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from runstore.errors import NotFound, RunstoreError, StorageError, UsageError
from runstore.syncd.bundles.manifest import WrongBundle, canonical

if TYPE_CHECKING:
    from types import ModuleType

_SECRET, _PUBLIC = "runstore-bundle-secret-1", "runstore-bundle-public-1"
_HALF = 32
_MOST_BYTES = 1 << 20  # of a file of keys


@dataclass(frozen=True)
class PublicKey:
    """What others know of a key: its two halves, and what it is called here."""

    verify: bytes
    encrypt: bytes
    name: str = field(default="", compare=False)

    def line(self) -> str:
        """Return the key as a file has it."""
        return f"{_PUBLIC} {base64.b64encode(self.verify + self.encrypt).decode()} {self.name}".rstrip()


@dataclass(frozen=True)
class SecretKey:
    """The two halves that only their owner has."""

    sign: bytes = field(repr=False)
    decrypt: bytes = field(repr=False)

    def public(self, name: str = "") -> PublicKey:
        """Return what others may know of it."""
        nacl = libsodium()
        verify = bytes(nacl.signing.SigningKey(self.sign).verify_key)
        return PublicKey(verify, bytes(nacl.public.PrivateKey(self.decrypt).public_key), name)

    def line(self) -> str:
        """Return the key as a file has it."""
        return f"{_SECRET} {base64.b64encode(self.sign + self.decrypt).decode()}"


def make(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a new key and write NAME.key and NAME.pub to a folder; return their paths.

    Raises UsageError where one of them is there already, and StorageError where they can't be written.
    """
    if not name or "/" in name or name.startswith("."):
        raise UsageError(f"{name!r} can't be the name of a key: it becomes the names of two files")
    nacl = libsodium()
    key = SecretKey(bytes(nacl.signing.SigningKey.generate()), bytes(nacl.public.PrivateKey.generate()))
    secret, public = folder / f"{name}.key", folder / f"{name}.pub"
    for path, line, mode in ((secret, key.line(), 0o600), (public, key.public(name).line(), 0o644)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except FileExistsError:
            raise UsageError(f"{path}: is there already, and a key is never overwritten; choose another name") from None
        except OSError as error:
            raise StorageError(f"{path}: can't be written ({error.strerror})") from error
    return secret, public


def secret_key(path: Path) -> SecretKey:
    """Return the secret key in a file. Raises NotFound, and UsageError for another file."""
    for words in _lines(path):
        if words[0] == _SECRET and len(words) > 1:
            return SecretKey(*_halves(path, words[1]))
        if words[0] == _PUBLIC:
            raise UsageError(f"{path}: is a public key; the secret one is needed here, which ends in .key")
    raise UsageError(f"{path}: is no key of `runstore bundle keygen`")


def public_keys(path: Path) -> list[PublicKey]:
    """Return the public keys in a file. Raises NotFound, and UsageError where there are none."""
    found = []
    for words in _lines(path):
        if words[0] == _SECRET:
            raise UsageError(f"{path}: is a secret key, which stays where it is; the public one ends in .pub")
        if words[0] != _PUBLIC or len(words) < 2:
            raise UsageError(f"{path}: is no public key of `runstore bundle keygen`")
        found.append(PublicKey(*_halves(path, words[1]), " ".join(words[2:]) or path.stem))
    if not found:
        raise UsageError(f"{path}: has no key in it")
    return found


def sign(data: bytes, key: SecretKey) -> bytes:
    """Return a signature of these bytes, as JSON that names the key."""
    signing = libsodium().signing.SigningKey(key.sign)
    signature = signing.sign(data).signature
    return canonical({"algorithm": "ed25519", "key": _text(bytes(signing.verify_key)), "signature": _text(signature)})


def signer(data: bytes, signature: bytes) -> bytes:
    """Return the public half (Ed25519, 32 bytes) of the key that signed these bytes. Raises WrongBundle."""
    nacl = libsodium()
    try:
        said = orjson.loads(signature)
        if said["algorithm"] != "ed25519":
            raise WrongBundle(f"it is signed by {said['algorithm']!r:.40}, which this runstore doesn't know")
        key = base64.b64decode(said["key"], validate=True)
        nacl.signing.VerifyKey(key).verify(data, base64.b64decode(said["signature"], validate=True))
    except (nacl.exceptions.BadSignatureError, ValueError, KeyError, TypeError, binascii.Error):
        raise WrongBundle("its signature is wrong: it was changed after it was signed") from None
    return key


def check_trusted(data: bytes, signature: bytes | None, trusted: list[PublicKey]) -> PublicKey | None:
    """Return who signed these bytes, None where nobody did; raises WrongBundle unless one of `trusted` did, if any is.

    A signature that is there must be right, whomever anybody trusts.
    """
    verify = None if signature is None else signer(data, signature)
    known = next((key for key in trusted if key.verify == verify), None)
    if trusted and known is None:
        by = "nobody" if verify is None else f"the key {_text(verify)}"
        names = ", ".join(key.name for key in trusted)
        raise WrongBundle(f"it is signed by {by}, and trusted here is {names}")
    return known or (PublicKey(verify, b"", f"the key {_text(verify)}") if verify else None)


def libsodium() -> Any:
    """Return PyNaCl; raises RunstoreError where it is not installed."""
    try:
        import nacl.bindings
        import nacl.exceptions
        import nacl.public
        import nacl.signing
    except ModuleNotFoundError as missing:
        raise RunstoreError(
            "signing and encrypting need PyNaCl, which is not installed: pip install 'runstore[bundle]'"
        ) from missing
    module: ModuleType = nacl
    return module


def _lines(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8") as file:
            lines = file.read(_MOST_BYTES).splitlines()
    except FileNotFoundError:
        raise NotFound(f"{path}: there is no such key; `runstore bundle keygen NAME` makes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: can't be read as a key ({error})") from error
    return [line.split() for line in lines if line.strip() and not line.startswith("#")]


def _halves(path: Path, text: str) -> tuple[bytes, bytes]:
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        data = b""
    if len(data) != 2 * _HALF:
        raise UsageError(f"{path}: is a damaged key: it has not {2 * _HALF} bytes")
    return data[:_HALF], data[_HALF:]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()

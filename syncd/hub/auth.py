"""Tokens: who may send to this hub and read from it. Only their hashes are kept.

Tokens are made by `runstore hub token create` while the hub runs, hence a database connection of their own and no
lock on the data folder.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from runstore.errors import NotFound, UsageError
from runstore.syncd.hub.database import Database

PREFIX = "rs_"  # so that scanners for leaked secrets can know one
_RANDOM_BYTES = 32
_MARK_LETTERS = 20  # of 64


@dataclass(frozen=True)
class TokenInfo:
    """What is known of a token afterwards: its name, and when it was made, in ISO 8601 UTC."""

    name: str
    created_at: str


class Tokens:
    """The table `tokens` of the hub's database in `data`."""

    def __init__(self, data: Path) -> None:
        """Open the database, making it where it is missing. Raises StorageError."""
        self._database = Database(data)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def create(self, name: str) -> str:
        """Return a new token, which is shown this once. Raises UsageError where the name is empty or taken."""
        if not name.strip():
            raise UsageError("a token needs a name, such as the machine that it is for")
        token = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with self._database.transaction() as db:
            if db.execute("SELECT 1 FROM tokens WHERE name = ?", (name,)).fetchone():
                raise UsageError(f"there is a token named {name!r} already; revoke it first, or choose another name")
            db.execute("INSERT INTO tokens (name, hash, created_at) VALUES (?, ?, ?)", (name, _hash(token), now))
        return token

    def list(self) -> list[TokenInfo]:
        """Return every token's name and date, in order of name."""
        rows = self._database.rows("SELECT name, created_at FROM tokens ORDER BY name")
        return [TokenInfo(str(name), str(created_at)) for name, created_at in rows]

    def revoke(self, name: str) -> None:
        """Make a token useless from the next request on. Raises NotFound, naming those that there are."""
        with self._database.transaction() as db:
            if db.execute("DELETE FROM tokens WHERE name = ?", (name,)).rowcount:
                return
        known = ", ".join(info.name for info in self.list()) or "none"
        raise NotFound(f"there is no token named {name!r}; there are: {known}")

    def check(self, bearer: str) -> str | None:
        """Return the name of the token `bearer`, or None where there is no such token."""
        given, found = _hash(bearer), None
        for name, known in self._database.rows("SELECT name, hash FROM tokens"):
            if hmac.compare_digest(
                given, str(known)
            ):  # no early end: the time taken must not tell which one came close
                found = str(name)
        return found

    def mark(self, bearer: str) -> str | None:
        """Return what tells the token `bearer` from all others, and gives it to nobody; None where it is not known."""
        return _hash(bearer)[:_MARK_LETTERS] if self.check(bearer) is not None else None

    def is_known(self, mark: str) -> bool:
        """Return whether the token with a mark is still good: one that was made anew under its name is another."""
        return any(str(known).startswith(mark) for (known,) in self._database.rows("SELECT hash FROM tokens"))


def _hash(token: str) -> str:
    # Plain SHA-256 is enough: a token is 256 random bits, there is nothing to guess by trying.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

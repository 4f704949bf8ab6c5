"""Ask a W&B server whose key it is; the one thing that is asked of it without delivering anything."""

from __future__ import annotations

from dataclasses import dataclass

from runstore.errors import RemoteRefused
from runstore.syncd.remotes.graphql import Document, GraphQLConnection
from runstore.syncd.remotes.wandb.connection import WandbConnection

_VIEWER = Document(
    "Viewer",
    """
    query Viewer {
      viewer {
        entity
        username # optional
      }
    }
    """,
)


@dataclass(frozen=True)
class Viewer:
    """Whose key it is: `entity` is where runs go that name none. "" is what the server does not say."""

    username: str
    entity: str


def whose_key(url: str, key: str) -> Viewer:
    """Return whom the server at `url` knows by this key.

    Raises RemoteRefused where that is nobody, RemoteUnreachable where nothing answers, RemoteError and UsageError.
    """
    connection = WandbConnection(url, key)
    try:
        found = GraphQLConnection(connection).ask(_VIEWER, {}).get("viewer")
    finally:
        connection.close()
    if not isinstance(found, dict):
        raise RemoteRefused(f"{url} knows nobody by this API key; copy it anew from {url}/authorize")
    return Viewer(str(found.get("username") or ""), str(found.get("entity") or ""))

"""The files of an artifact, a page at a time, as W&B's API shows them."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from runstore.core.manifest import ManifestEntry, hex_of
from runstore.query.stored.files import FileThere
from runstore.query.stored.pages import Pages, loaded

if TYPE_CHECKING:
    from runstore.sdk.artifacts.artifact import Artifact


class ArtifactFile:
    """One file or reference of an artifact. `digest` is as the manifest says, `ref` "" for a file."""

    def __init__(self, artifact: Artifact, entry: ManifestEntry) -> None:
        self.artifact, self.name = artifact, entry.path
        self.digest, self.size, self.ref = entry.digest, entry.size or 0, entry.ref or ""
        self.local_path = entry.local_path or ""

    @property
    def id(self) -> str:
        """What names the file among all."""
        return f"{self.artifact.qualified_name}/{self.name}"

    @property
    def sizeBytes(self) -> int:  # noqa: N802 - W&B's name for it
        """The size in bytes."""
        return self.size

    @property
    def md5(self) -> str:
        """The digest: MD5 of the content, base64."""
        return self.digest

    @property
    def etag(self) -> str:
        """The digest in hexadecimal; that of a reference as its store has it."""
        return self.digest if self.ref else hex_of(self.digest)

    @property
    def mimetype(self) -> str:
        """The type of the content, by the file's name."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    @property
    def url(self) -> str:
        """Where it is, as a URL."""
        return self.ref or Path(self.download_path() or self.name).absolute().as_uri()

    direct_url = url

    @property
    def path_uri(self) -> str:
        """Where it is, as a URL."""
        return self.url

    def download_path(self) -> Path | None:
        """Return where its bytes lie on this machine; None where they are not here."""
        from runstore.sdk.artifacts.downloading import places_of

        return next(places_of(self.artifact.get_entry(self.name)), None)

    def download(self, root: str = ".", replace: bool = False, exist_ok: bool = False, api: object = None) -> TextIO:
        """Copy the file to its name below `root`, and return it, open for reading.

        Raises FileThere (a ValueError) where there is such a file already, unless `replace` or, to leave it as it is,
        `exist_ok` is given; otherwise as Artifact.download. `api` means nothing here.
        """
        target = Path(root, self.name)
        if target.exists() and not replace:
            if not exist_ok:
                raise FileThere(f"{target}: is there already; give replace=True or exist_ok=True")
            return target.open(encoding="utf-8")
        from runstore.sdk.artifacts.downloading import download_entry

        download_entry(self.artifact.get_entry(self.name), Path(root), self.artifact.name)
        return target.open(encoding="utf-8")

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.mimetype}) {self.size} bytes>"


class ArtifactFiles(Pages[ArtifactFile]):
    """Files in order of name."""

    def __init__(self, artifact: Artifact, names: Sequence[str] | None, per_page: int, start: str | None) -> None:
        self.artifact = artifact
        wanted = None if names is None else set(names)
        entries = sorted(artifact.manifest, key=lambda entry: entry.path)
        found = [ArtifactFile(artifact, entry) for entry in entries if wanted is None or entry.path in wanted]
        super().__init__(*loaded(found[int(start or 0) :], per_page))

    @property
    def path(self) -> list[str]:
        """The path of the artifact."""
        return [self.artifact.entity, self.artifact.project, self.artifact.name]

    def __repr__(self) -> str:
        return f"<ArtifactFiles {self.artifact.qualified_name} ({len(self)})>"

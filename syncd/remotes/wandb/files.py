"""Bring files of a run to a W&B server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from runstore.errors import RemoteConflict
from runstore.syncd.remotes.graphql import GraphQLConnection, Refusal
from runstore.syncd.remotes.runs import RunFile, ServerRun
from runstore.syncd.remotes.wandb import documents
from runstore.syncd.remotes.wandb.bodies import Body, MadeBody, of_file
from runstore.syncd.remotes.wandb.storage import Uploads, batches, headers_of

# Addresses are good for a time only: no more are asked for than are used within minutes.
_FILES_AT_ONCE = 500


class FileUploads:
    """Files of one run on their way."""

    def __init__(self, graphql: GraphQLConnection, run: ServerRun, progress: Callable[[int], None]) -> None:
        self._graphql, self._run = graphql, run
        self._uploads = Uploads(graphql.connection, progress)
        self._refused: dict[str, str] = {}

    def bring(self, files: Sequence[RunFile]) -> Mapping[str, str]:
        """Send files; return why, by path, for each that was refused, or could not be read."""
        for batch in batches(files, _FILES_AT_ONCE):
            urls, headers = self._addresses([file.path for file in batch])

            def send(file: RunFile, urls: Mapping[str, str] = urls, headers: Mapping[str, str] = headers) -> None:
                why = self._send(file, urls.get(file.path, ""), headers)
                if why:
                    self._refused[file.path] = why

            self._uploads.each(send, batch)
        return self._refused

    def _send(self, file: RunFile, url: str, headers: Mapping[str, str]) -> str:
        if not url:
            return self._refused.get(file.path, "the server gave no address for it")
        try:
            return self._uploads.put(_body(file), headers, url, lambda: self._ask([file.path])[0].get(file.path, ""))
        except OSError as error:
            return f"it can't be read ({error.strerror})"

    def _addresses(self, paths: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return what `_ask` does; files that the server refuses by name hold up no other."""
        while True:
            asked = [path for path in paths if path not in self._refused]
            try:
                return self._ask(asked) if asked else ({}, {})
            except Refusal as refusal:
                named = [path for path in asked if _names(str(refusal), path)]
                if not named:
                    raise
                self._refused |= dict.fromkeys(named, str(refusal))

    def _ask(self, paths: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the address for each path, and what headers go with all of them."""
        run = self._run
        variables = {"entity": run.entity, "project": run.project, "run": run.run_id, "files": list(paths)}
        answer = self._graphql.payload(documents.RUN_FILES, variables, "createRunFiles")
        files = answer.get("files")
        if not isinstance(files, list):
            raise RemoteConflict(f"{self._graphql.connection.url}: gave no addresses for files of run {run.run_id}")
        urls = {file["name"]: file["uploadUrl"] for file in files if isinstance(file, dict) and _has_address(file)}
        return urls, headers_of(answer.get("uploadHeaders"))


def _body(file: RunFile) -> Body:
    return MadeBody(file.source) if isinstance(file.source, bytes) else of_file(file.source)


def _names(refusal: str, path: str) -> bool:
    """Return whether a refusal is about this path, in one of the ways to quote it."""
    return any(quoted in refusal for quoted in (repr(path), f"'{path}'", f'"{path}"', f"`{path}`"))


def _has_address(file: Mapping[str, object]) -> bool:
    return isinstance(file.get("uploadUrl"), str) and file["uploadUrl"] != ""

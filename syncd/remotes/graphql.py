"""Ask a server in GraphQL: documents with parts that it need not know, and what its refusals say."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runstore.errors import RemoteConflict
from runstore.syncd.remotes.wandb.answers import encoded, json_of, messages_of, words
from runstore.syncd.remotes.wandb.connection import WandbConnection

logger = logging.getLogger("runstore.wandb")

_OPTIONAL = "# optional"
# How servers say that their schema lacks something that was asked for, or given.
_UNKNOWN = re.compile(r"cannot query field|is not defined|unknown (?:argument|field|type)", re.IGNORECASE)
_NAME = re.compile(r"""["'`](\w+)""")


@dataclass(frozen=True)
class Document:
    """One operation. Lines that end with `# optional` are left out for servers that don't know their first word,
    and `optional_inputs` out of what is given as `input`.
    """

    name: str
    text: str
    optional_inputs: frozenset[str] = field(default_factory=frozenset)
    passes: frozenset[int] = field(default_factory=frozenset)  # statuses that may be others at the next try

    def optional(self) -> frozenset[str]:
        """Return the names of everything that can be left out."""
        lines = (line.split() for line in self.text.splitlines() if line.endswith(_OPTIONAL))
        return self.optional_inputs.union(line[0] for line in lines)

    def without(self, names: frozenset[str]) -> str:
        """Return the text to send, without lines of these names, in as few bytes as it takes."""
        lines = []
        for line in self.text.splitlines():
            words = line.removesuffix(_OPTIONAL).split()
            if words and not (line.endswith(_OPTIONAL) and words[0] in names):
                lines.append(" ".join(words))
        return "\n".join(lines)


class Refusal(RemoteConflict):
    """A server's `errors` for one operation."""

    def __init__(self, sentence: str, errors: object) -> None:
        super().__init__(sentence)
        self._errors = errors if isinstance(errors, list) else []

    def unknown_names(self) -> frozenset[str]:
        """Return the names, among others perhaps, of what the server's schema lacks; none where it lacks nothing."""
        names: set[str] = set()
        for error in self._errors:
            if isinstance(error, dict) and _UNKNOWN.search(str(error.get("message", ""))):
                names.update(_NAME.findall(str(error["message"])))
                path = error.get("path")
                names.update(map(str, path) if isinstance(path, list) else ())
        return frozenset(names)


class GraphQLConnection:
    """The GraphQL side of a server. What it does not know is asked for once."""

    def __init__(self, connection: WandbConnection) -> None:
        self.connection = connection
        self._missing: dict[str, frozenset[str]] = {}

    def ask(self, document: Document, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return the `data` of the answer to an operation. Raises Refusal, naming it, with the server's own words."""
        while True:
            missing = self._missing.get(document.name, frozenset())
            try:
                return self._asked(document, variables, missing)
            except Refusal as refusal:
                unknown = (refusal.unknown_names() & document.optional()) - missing
                if not unknown:
                    raise
                logger.warning(
                    'event=degraded server=%s operation=%s missing=%s said="%s"',
                    *(self.connection.url, document.name, ",".join(sorted(unknown)), refusal),
                )
                self._missing[document.name] = missing | unknown

    def payload(self, document: Document, variables: Mapping[str, Any], *path: str) -> dict[str, Any]:
        """Return the object at `path` of the answer. Raises RemoteConflict where it is not there."""
        value: Any = self.ask(document, variables)
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if not isinstance(value, dict):
            where = ".".join(path)
            raise RemoteConflict(f"{self.connection.url}: its answer to {document.name} has no {where}, and no reason")
        return value

    def _asked(self, document: Document, variables: Mapping[str, Any], missing: frozenset[str]) -> dict[str, Any]:
        given = dict(variables)
        if missing and isinstance(given.get("input"), dict):
            given["input"] = {key: value for key, value in given["input"].items() if key not in missing}
        body = {"query": document.without(missing), "variables": given, "operationName": document.name}
        response = self.connection.post("/graphql", encoded(body), passes=document.passes)
        answer = json_of(response)
        if answer is not None and answer.get("errors"):
            sentence = f"{self.connection.url} refused {document.name}: {'; '.join(messages_of(answer))}"
            raise Refusal(sentence, answer["errors"])
        if response.is_success:
            data = self.connection.answer(response).get("data")
            return data if isinstance(data, dict) else {}
        if response.status_code == 404:
            self.connection.not_a_server(f"{document.name}: {words(response)}, HTTP 404")
        raise self.connection.refusal(document.name, response)

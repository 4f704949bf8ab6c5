"""Execute GraphQL documents against the schema, so that a wrong one fails as it would for real.

Rules of this file: no sockets, no threads. The server that calls `answer` holds the lock.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    parse,
    validate,
)
from graphql.execution import ExecutionResult, execute_sync

from tests.wandbserver import artifact_files, artifact_operations, run_operations
from tests.wandbserver.holdings import Holdings
from tests.wandbserver.recorded import JsonObject, parse_object
from tests.wandbserver.run_operations import Operation

_SCHEMA_FILE = Path(__file__).with_name("schema.graphql")
_OPERATION = re.compile(r"\b(?:query|mutation)\s+(\w+)")


def operation_name(body: bytes) -> str:
    """Return the name of the operation that the body of a request asks for."""
    try:
        asked = parse_object(body.decode())
    except ValueError:
        return "(unreadable)"
    matched = _OPERATION.search(asked.get("query") or "")
    return str(asked.get("operationName") or (matched[1] if matched else "(anonymous)"))


def answer(holdings: Holdings, body: JsonObject) -> JsonObject:
    """Return the answer to a request: `data`, and `errors` where something of it was not in order."""
    try:
        document = _document(body["query"])
    except GraphQLError as error:
        return {"data": None, "errors": [error.formatted]}
    if isinstance(document, list):
        return {"data": None, "errors": [error.formatted for error in document]}
    result = execute_sync(
        _schema(),
        document,
        context_value=holdings,
        variable_values=body.get("variables") or {},
        operation_name=body.get("operationName") or None,
    )
    assert isinstance(result, ExecutionResult)
    return dict(result.formatted)


@functools.lru_cache(maxsize=256)
def _document(query: str) -> DocumentNode | list[GraphQLError]:
    """Return the document, or what is wrong with it by the schema; raises GraphQLError where it can't be read."""
    document = parse(query)
    return validate(_schema(), document) or document


@functools.lru_cache(maxsize=1)
def _schema() -> GraphQLSchema:
    schema = build_schema(_SCHEMA_FILE.read_text())
    operations = run_operations.OPERATIONS | artifact_operations.OPERATIONS | artifact_files.OPERATIONS
    for root in (schema.query_type, schema.mutation_type):
        assert isinstance(root, GraphQLObjectType)
        for name, field in root.fields.items():
            field.resolve = _resolver(operations[name])
    sequence = schema.type_map["ArtifactSequence"]
    assert isinstance(sequence, GraphQLObjectType)
    sequence.is_type_of = lambda value, info: True
    for name, check in {"JSONString": _json_text, "Int64": _integer, "Duration": _integer}.items():
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        # The name that graphql-core calls it by up to 3.2, and the one from 3.3 on.
        for called in ("parse_value", "coerce_input_value"):
            setattr(scalar, called, check)
    return schema


def _resolver(operation: Operation) -> Callable[..., Any]:
    return lambda root, info, **arguments: operation(info.context, arguments)


def _json_text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"JSONString is a text, not {value!r:.80}")
    try:
        json.loads(value)
    except ValueError as error:
        raise GraphQLError(f"JSONString: {error}") from None
    return value


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise GraphQLError(f"an integer, not {value!r:.80}")
    return value

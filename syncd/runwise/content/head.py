"""What a log says that the index has no use for: telemetry, the machine that it ran on, how names were spelled.

A head is made of JSON's types, since it is kept with how far the log was delivered:

    {"started_ns": 1700000000000000000, "telemetry": {"3": [2, 4], "4": "3.11.7"}, "environments": {WRITER: {...}},
     "escaped": {"a.b": "a\\.b"}}

Telemetry is spelled as W&B's servers have it: fields by their numbers, flags as lists of those that are set. `escaped`
are metrics that the log names otherwise than our readers do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from runstore.core.metrics import unescaped
from runstore.runlog.fields import each_whole_field
from runstore.runlog.record_pb2 import Record
from runstore.syncd.runwise.content.environment import merge, spelled

Head: TypeAlias = dict[str, Any]

STARTED_NS, TELEMETRY, ENVIRONMENTS, ESCAPED = "started_ns", "telemetry", "environments", "escaped"
# Fields of telemetry: these hold flags, this one texts by number, all others are texts.
_FLAGS = frozenset((1, 2, 3, 8, 10, 11))
_LABELS = 9
_END_OF_TIME = 253_402_300_800  # seconds since the epoch: the year 10000
_OWN_FIELDS = 200  # and above: of no server's interest


def taken_in(head: Mapping[str, Any], record: Record) -> Head:
    """Return a head with what a record adds to it; the same where it adds nothing."""
    take = _TAKE.get(record.WhichOneof("record_type") or "")
    return take(head, record) if take is not None else dict(head)


def says_of_head(record: Record) -> bool:
    """Return whether a record is of a kind that may add to a head."""
    return (record.WhichOneof("record_type") or "") in _TAKE


def telemetry_of(heads: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the telemetry of all logs together."""
    telemetry: dict[str, Any] = {}
    for head in heads:
        telemetry = _merged(telemetry, head.get(TELEMETRY, {}))
    return telemetry


def environments_of(heads: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the environments of all logs, by who wrote them, in order."""
    environments: dict[str, Any] = {}
    for head in heads:
        for writer, said in head.get(ENVIRONMENTS, {}).items():
            environments[writer] = merge(environments.get(writer, {}), said)
    return environments


def spellings_of(heads: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return how metrics are named in logs, by the name that our readers have, where it is another one."""
    return {name: spelling for head in heads for name, spelling in head.get(ESCAPED, {}).items()}


def _run(head: Mapping[str, Any], record: Record) -> Head:
    run, new = record.run, dict(head)
    if run.HasField("start_time") and STARTED_NS not in head and 0 <= run.start_time.seconds < _END_OF_TIME:
        new[STARTED_NS] = run.start_time.seconds * 1_000_000_000 + run.start_time.nanos
    return _with_telemetry(new, run.telemetry.SerializeToString())


def _telemetry(head: Mapping[str, Any], record: Record) -> Head:
    return _with_telemetry(head, record.telemetry.SerializeToString())


def _with_telemetry(head: Mapping[str, Any], message: bytes) -> Head:
    said: dict[str, Any] = {}
    for number, value in each_whole_field(message):
        if isinstance(value, bytes) and number < _OWN_FIELDS:
            said = _merged(said, {str(number): _spelled(number, value)})
    return {**head, TELEMETRY: _merged(head.get(TELEMETRY, {}), said)} if said else dict(head)


def _spelled(number: int, value: bytes) -> Any:
    if number in _FLAGS:
        return sorted({flag for flag, is_set in each_whole_field(value) if is_set})
    if number == _LABELS:
        return {str(label): _text(text) for label, text in each_whole_field(value) if isinstance(text, bytes)}
    return _text(value)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _merged(telemetry: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Return telemetry with what came later: flags stay set, of texts the last word counts."""
    both = dict(telemetry)
    for number, value in later.items():
        before = both.get(number)
        if isinstance(value, list) and isinstance(before, list):
            value = sorted({*before, *value})
        elif isinstance(value, dict) and isinstance(before, dict):
            value = {**before, **value}
        both[number] = value
    return both


def _environment(head: Mapping[str, Any], record: Record) -> Head:
    writer, environments = record.environment.writer_id, head.get(ENVIRONMENTS, {})
    said = spelled(record.environment.SerializeToString())
    return {**head, ENVIRONMENTS: {**environments, writer: merge(environments.get(writer, {}), said)}}


def _metric(head: Mapping[str, Any], record: Record) -> Head:
    said = record.metric.glob_name or record.metric.name
    name = unescaped(said)
    return dict(head) if name == said else {**head, ESCAPED: {**head.get(ESCAPED, {}), name: said}}


_TAKE: dict[str, Callable[[Mapping[str, Any], Record], Head]] = {
    "run": _run,
    "telemetry": _telemetry,
    "environment": _environment,
    "metric": _metric,
}

"""The samples of a machine as the lines that a server takes."""

from __future__ import annotations

from runstore.runlog.record_pb2 import StatsRecord
from runstore.syncd.runwise.content.rows import is_one_line, spelled

_PREFIX = "system."


def event_of(stats: StatsRecord, started_ns: int) -> str:
    """Return the line of one sample; `started_ns`, when its run began, is in nanoseconds since the epoch.

    A value that is no JSON is left out.
    """
    seconds, nanos = stats.timestamp.seconds, stats.timestamp.nanos
    # Whole seconds and the rest are added as floats, as Go's Duration.Seconds does: the same last digit as stock's.
    whole, rest = divmod(seconds * 1_000_000_000 + nanos - started_ns, 1_000_000_000)
    runtime = whole + rest / 1e9
    values = {item.key: item.value_json.encode() for item in stats.item}
    parts = [b'"_wandb":true', b'"_timestamp":%b' % _number(seconds + nanos / 1e9), b'"_runtime":%b' % _number(runtime)]
    parts += [spelled(f"{_PREFIX}{key}") + b":" + value for key, value in values.items() if is_one_line(value)]
    return (b"{" + b",".join(parts) + b"}").decode()


def _number(number: float) -> bytes:
    return repr(number).encode()

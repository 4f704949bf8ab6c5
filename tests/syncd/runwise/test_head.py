"""What logs say of their process and machine, spelled as stock's sync spells it: expected values were seen there."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from runstore.runlog import codec, wire
from runstore.runlog.fields import each_whole_field
from runstore.runlog.record_pb2 import EnvironmentRecord, Record
from runstore.syncd.runwise.content.environment import merge, spelled
from runstore.syncd.runwise.content.head import environments_of, says_of_head, taken_in, telemetry_of

_TELEMETRY = wire.varint(11 << 3 | 2)
_ENVIRONMENT = wire.varint(26 << 3 | 2)


def field(number: int, value: int | bytes | str) -> bytes:
    """Return an encoded field of any message."""
    if isinstance(value, int):
        return wire.varint(number << 3) + wire.varint(value)
    return wire.delimited(wire.varint(number << 3 | 2), value.encode() if isinstance(value, str) else value)


def flags(*numbers: int) -> bytes:
    return b"".join(field(number, 1) for number in numbers)


def record_of(tag: bytes, content: bytes) -> Record:
    record = codec.decode(wire.delimited(tag, content))
    assert record is not None
    return record


def telemetry(content: bytes) -> Record:
    return record_of(_TELEMETRY, content)


def environment(content: bytes) -> Record:
    return record_of(_ENVIRONMENT, content)


def head_of(*records: Record) -> dict[str, Any]:
    head: dict[str, Any] = {}
    for record in records:
        assert says_of_head(record)
        head = taken_in(head, record)
    return head


def test_telemetry_is_spelled_by_the_numbers_of_its_fields() -> None:
    said = field(1, flags(1, 2, 3)) + field(3, flags(1, 74)) + field(4, "3.11.1") + field(5, "0.20")
    said += field(9, field(1, "abc") + field(3, "v")) + field(10, flags(5)) + field(12, "0.99")
    later = field(3, flags(74, 75)) + field(4, "3.12") + field(200, field(1, "stream"))
    assert telemetry_of([head_of(telemetry(said), telemetry(later))]) == {
        "1": [1, 2, 3], "3": [1, 74, 75], "4": "3.12", "5": "0.20", "9": {"1": "abc", "3": "v"}, "10": [5],
        "12": "0.99",
    }  # fmt: skip


def test_telemetry_of_a_run_record_and_of_several_logs_adds_up() -> None:
    run = Record()
    run.run.telemetry.cli_version = "0.31.0"
    run.run.start_time.seconds = 7
    first, second = head_of(run, telemetry(field(3, flags(4)))), head_of(telemetry(field(3, flags(2))))
    assert first["started_ns"] == 7_000_000_000
    assert telemetry_of([first, second]) == {"5": "0.31.0", "3": [2, 4]}


def test_environment_is_spelled_as_in_the_file_of_metadata() -> None:
    said = field(1, "Linux") + field(2, "CPython") + field(3, field(1, 1_700_000_000) + field(2, 5000))
    said += field(5, "a") + field(5, "") + field(9, field(1, "u") + field(2, "c")) + field(16, 4) + field(17, 8)
    said += field(18, "H200") + field(19, 2) + field(20, field(1, "/") + field(2, field(1, 5) + field(2, 2)))
    said += field(21, field(1, 2**40)) + field(22, field(3, "M")) + field(24, field(1, "H200") + field(3, 5))
    said += field(24, field(2, 2**40)) + field(26, b"") + field(27, field(1, "JOB") + field(2, "1"))
    said += field(199, "w1") + field(555, "of a later version")
    assert spelled(said) == {
        "os": "Linux", "python": "CPython", "startedAt": "2023-11-14T22:13:20.000005Z", "args": ["a", ""],
        "git": {"remote": "u", "commit": "c"}, "cpu_count": 4, "cpu_count_logical": 8, "gpu": "H200", "gpu_count": 2,
        "disk": {"/": {"total": "5", "used": "2"}}, "memory": {"total": "1099511627776"}, "cpu": {"model": "M"},
        "gpu_nvidia": [{"name": "H200", "cudaCores": 5}, {"memoryTotal": "1099511627776"}], "gpu_amd": [{}],
        "slurm": {"JOB": "1"}, "writerId": "w1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("nanos", "text"),
    [(0, "00Z"), (5_000_000, "00.005Z"), (674_954_000, "00.674954Z"), (1, "00.000000001Z")],
)
def test_times_have_as_many_digits_as_they_need_in_threes(nanos: int, text: str) -> None:
    content = EnvironmentRecord(started_at={"seconds": 60, "nanos": nanos}).SerializeToString()
    assert spelled(content)["startedAt"] == f"1970-01-01T00:01:{text}"


def test_both_records_of_one_writer_are_one_environment() -> None:
    program = field(1, "Linux") + field(5, "arg") + field(199, "w1")
    machine = field(20, field(1, "/") + field(2, field(1, 5))) + field(16, 4) + field(199, "w1")
    head = head_of(environment(program), environment(machine), environment(field(1, "Other") + field(199, "w2")))
    one = {"os": "Linux", "args": ["arg"], "disk": {"/": {"total": "5"}}, "cpu_count": 4, "writerId": "w1"}
    assert environments_of([head]) == {"w1": one, "w2": {"os": "Other", "writerId": "w2"}}
    assert orjson.loads(orjson.dumps(head)) == head  # it is kept so


def test_merge_keeps_what_the_later_one_does_not_name() -> None:
    assert merge({"a": 1, "d": {"x": 1, "y": 2}, "l": [1]}, {"d": {"y": 3}, "l": [2]}) == {
        "a": 1, "d": {"x": 1, "y": 3}, "l": [2],
    }  # fmt: skip


def test_damaged_messages_end_where_they_are_damaged() -> None:
    whole = field(1, "Linux") + field(2, "CPython") + field(16, 300)
    for size in range(len(whole)):
        assert set(spelled(whole[:size]).items()) <= {("os", "Linux"), ("python", "CPython")}
    assert list(each_whole_field(b"\x0b")) == []  # a group, which nobody writes any more
    assert list(each_whole_field(b"\x09" + bytes(8) + b"\x15" + bytes(4))) == [(1, bytes(8)), (2, bytes(4))]

"""The records that begin every log: who writes it, which run it belongs to, on which machine."""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import sys
from collections.abc import Mapping
from typing import Any

from runstore.runlog import codec, wire
from runstore.runlog.process import ProcessName
from runstore.runlog.record_pb2 import Origin, Record
from runstore.settings import Settings
from runstore.version import VERSION

# Stock tools compare this with their own version; the lowest that reads every record we write.
MIN_CONSUMER = "0.13.0"


def header_record(kind: Origin.Kind, started_ns: int, starting_step: int) -> bytes:
    """Return the header: the process, and how this log stands to the run's other logs."""
    process = ProcessName.of_this_process()
    record = Record()
    record.header.version_info.producer = f"runstore {VERSION}"
    record.header.version_info.min_consumer = MIN_CONSUMER
    record.header.origin.CopyFrom(
        Origin(
            writer="runstore",
            version=VERSION,
            host=process.host,
            boot_id=process.boot_id,
            pid=process.pid,
            pid_started_ticks=process.started_ticks,
            kind=kind,
            started_ns=started_ns,
            starting_step=starting_step,
        )
    )
    return codec.encode(record)


def run_record(
    settings: Settings, run_id: str, config: Mapping[str, Any], started_ns: int, starting_step: int, resumed: bool
) -> bytes:
    """Return the run record: what the run is called, belongs to, and was configured with."""
    record = Record()
    run = record.run
    run.run_id, run.entity, run.project = run_id, _utf8(settings.entity), _utf8(settings.project)
    run.display_name, run.notes = _utf8(settings.name), _utf8(settings.notes)
    run.tags.extend(map(_utf8, settings.tags))
    run.run_group, run.job_type = _utf8(settings.group), _utf8(settings.job_type)
    run.host = ProcessName.of_this_process().host
    # `resume` makes stock sync append this log to what its server holds of the run, instead of writing over it.
    run.starting_step, run.resumed, run.resume = starting_step, resumed, resumed
    run.start_time.seconds, run.start_time.nanos = divmod(started_ns, 1_000_000_000)
    for key, value in {**config, "_wandb": {}}.items():
        run.config.update.add(key=key, value_json=wire.dumps(value))
    return codec.encode(record)


def environment_record(started_ns: int, writer_id: str) -> bytes:
    """Return what is known at once about the machine and the program."""
    record = Record()
    environment = record.environment
    environment.os = platform.platform()
    environment.python = platform.python_version()
    environment.started_at.seconds, environment.started_at.nanos = divmod(started_ns, 1_000_000_000)
    environment.program = _utf8(sys.argv[0]) if sys.argv and sys.argv[0] else "<interactive>"
    environment.args.extend(map(_utf8, sys.argv[1:]))
    environment.host = ProcessName.of_this_process().host
    environment.executable = _utf8(sys.executable or "")
    environment.writer_id = writer_id
    with contextlib.suppress(FileNotFoundError):  # the current folder was deleted
        environment.root = _utf8(os.getcwd())
    try:
        environment.username = _utf8(getpass.getuser())
    except (OSError, KeyError):  # a container's user id without an entry
        environment.username = str(os.getuid())
    return codec.encode(record)


def final_record() -> bytes:
    """Return the empty record that goes behind the exit: older stock tools deliver the exit code only with it."""
    return codec.encode(Record(final={}))


def exit_record(exit_code: int, runtime_seconds: int) -> bytes:
    """Return the record that says the run has ended."""
    record = Record()
    record.exit.exit_code, record.exit.runtime = exit_code, runtime_seconds
    return codec.encode(record)


def _utf8(text: str) -> str:
    """Return `text` without the lone surrogates that Python makes of file names and variables in other encodings."""
    return text.encode("utf-8", "replace").decode("utf-8")

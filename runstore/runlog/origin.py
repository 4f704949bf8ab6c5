"""The header record of a file that this process begins: by it, readers know who wrote what follows."""

from __future__ import annotations

from runstore.runlog.process import ProcessName
from runstore.runlog.record_pb2 import Origin, Record
from runstore.version import VERSION


def header_of_this_process(kind: Origin.Kind, started_ns: int) -> Record:
    """Return a header that names this process; `started_ns`, since the epoch, is when the file was begun."""
    process = ProcessName.of_this_process()
    record = Record()
    record.header.version_info.producer = f"runstore {VERSION}"
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
        )
    )
    return record

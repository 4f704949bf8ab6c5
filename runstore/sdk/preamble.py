"""The records that begin every log: who writes it, which run it belongs to, on which machine."""

from __future__ import annotations

import getpass
import os
import platform
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from runstore.core.identity import NO_PROJECT
from runstore.runlog import codec, wire
from runstore.runlog.origin import header_of_this_process
from runstore.runlog.process import ProcessName
from runstore.runlog.record_pb2 import FilesItem, Origin, Record
from runstore.sdk.surroundings.program import program_of
from runstore.sdk.values import storable
from runstore.settings import RunMoment, Settings

# Stock tools compare this with their own version; the lowest that reads every record we write.
MIN_CONSUMER = "0.13.0"
METADATA_FILE = "wandb-metadata.json"  # in the folder `files` of the run directory


def header_record(kind: Origin.Kind, started_ns: int, starting_step: int) -> bytes:
    """Return the header: the process, and how this log stands to the run's other logs."""
    record = header_of_this_process(kind, started_ns)
    record.header.version_info.min_consumer = MIN_CONSUMER
    record.header.origin.starting_step = starting_step
    record.header.origin.program = _program()
    return codec.encode(record)


def run_record(
    settings: Settings,
    run_id: str,
    config: Mapping[str, Any],
    started_ns: int,
    starting_step: int,
    resumed: bool,
    branch: RunMoment | None,
) -> bytes:
    """Return the run record: what the run is called, belongs to, and was configured with."""
    record = _described(settings, run_id, started_ns)
    run = record.run
    # `resume` makes stock sync append this log to what its server holds of the run, instead of writing over it. What
    # was begun elsewhere, and may be resumed, is not known here.
    run.starting_step, run.resumed, run.resume = starting_step, resumed, resumed or settings.resume == "allow"
    if branch is not None:
        run.branch_point.run, run.branch_point.value, run.branch_point.metric = branch.run, branch.value, branch.metric
    for key, value in config.items():
        run.config.update.add(key=key, value_json=wire.dumps(value))
    return codec.encode(record)


def description_record(settings: Settings, run_id: str, started_ns: int) -> bytes:
    """Return the record that says anew what the run is called and belongs to."""
    return codec.encode(_described(settings, run_id, started_ns))


def _described(settings: Settings, run_id: str, started_ns: int) -> Record:
    record = Record()
    run = record.run
    run.run_id, run.entity, run.project = run_id, storable(settings.entity), storable(settings.project or NO_PROJECT)
    run.display_name, run.notes = storable(settings.run_name), storable(settings.run_notes)
    run.tags.extend(map(storable, settings.run_tags))
    run.run_group, run.job_type = storable(settings.run_group), storable(settings.run_job_type)
    run.host = ProcessName.of_this_process().host
    run.start_time.seconds, run.start_time.nanos = divmod(started_ns, 1_000_000_000)
    return record


def git_record(settings: Settings, run_id: str, started_ns: int, remote_url: str, commit: str) -> bytes:
    """Return the record that adds the commit of the program's repository to what is known of the run."""
    record = Record()
    run = record.run
    # Not the run's name and tags: they may change while git is asked, and what is left out stays as it is.
    run.run_id, run.entity, run.project = run_id, storable(settings.entity), storable(settings.project or NO_PROJECT)
    run.start_time.seconds, run.start_time.nanos = divmod(started_ns, 1_000_000_000)
    run.git.remote_url, run.git.commit = storable(remote_url), storable(commit)
    return codec.encode(record)


def metadata(settings: Settings, started_ns: int) -> dict[str, Any]:
    """Return what is known at once about the machine and the program, by the names of W&B's wandb-metadata.json."""
    began = datetime.fromtimestamp(started_ns / 1e9, timezone.utc)
    known = {
        "os": _operating_system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "startedAt": began.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "docker": storable(settings.docker or ""),
        "program": storable(program_of(settings).name),
        "args": [storable(argument) for argument in sys.argv[1:]],
        "email": storable(settings.email or ""),
        "root": storable(settings.root_dir),
        "host": storable(settings.host or ProcessName.of_this_process().host),
        "username": storable(settings.username or _user()),
        "executable": storable(sys.executable or ""),
    }
    return {name: value for name, value in known.items() if value}


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user id without an entry
        return str(os.getuid())


def metadata_files_record() -> bytes:
    """Return the record that tells stock tools of the metadata file.

    An environment record would say the same, but wandb 0.19 can't read a log that holds one.
    """
    record = Record()
    record.files.files.add(path=METADATA_FILE, policy=FilesItem.END, type=FilesItem.WANDB)
    return codec.encode(record)


def _operating_system() -> str:
    # As platform.platform() has it, which starts a process to ask for the processor's name.
    system = os.uname()
    return f"{system.sysname}-{system.release}-{system.machine}-with-{''.join(platform.libc_ver())}"


def _program() -> str:
    return storable(sys.argv[0]) if sys.argv and sys.argv[0] else "<interactive>"


def final_record() -> bytes:
    """Return the empty record that goes behind the exit: older stock tools deliver the exit code only with it."""
    return codec.encode(Record(final={}))


def exit_record(exit_code: int, runtime_seconds: int) -> bytes:
    """Return the record that says the run has ended."""
    record = Record()
    record.exit.exit_code, record.exit.runtime = exit_code, runtime_seconds
    return codec.encode(record)


def left_record() -> bytes:
    """Return the record that says that this log ends and its run does not."""
    return codec.encode(Record(exit={"not_complete": True}))

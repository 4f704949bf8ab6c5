"""A run, as the training process holds it."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
import traceback
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from runstore.core.summary import SummaryFold
from runstore.errors import StorageError, UsageError
from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import Origin, Record
from runstore.runlog.writer import LogWriter
from runstore.sdk import lifecycle, preamble
from runstore.sdk.config import Config
from runstore.sdk.console import ConsoleCapture
from runstore.sdk.history import History
from runstore.sdk.logfile import RunLog
from runstore.sdk.rundir import make_run_directory
from runstore.sdk.summary import Summary, derived_record
from runstore.settings import Settings

if TYPE_CHECKING:
    from runstore.sdk.resume import Earlier

# How often the summary is written for stock tools while a run goes on. Our own readers don't need it.
DERIVED_SUMMARY_SECONDS = 15.0


class Run:
    """One run: log its metrics with `log`, read and set `config` and `summary`, end it with `finish`.

    Made by `runstore.init`. Usable as a context manager, which finishes it, with exit code 1 after an exception.
    """

    def __init__(self, settings: Settings, config: Mapping[str, Any], earlier: Earlier | None = None) -> None:
        """Begin to record; raises StorageError where no run directory can be made."""
        self.settings = settings
        self._id = settings.id
        self._started_ns = time.time_ns()
        self._starting_step = earlier.next_step if earlier else 0
        self._resumed = earlier is not None
        self._finished = False
        self._forked = False
        self._has_log_of_child = False
        self._warned: set[str] = set()
        self._config = Config(self._record_config)
        if earlier:
            self._config.load(earlier.config)
        self._config.load(config)
        kind = Origin.RESUME if earlier else Origin.START
        self._log = RunLog(self._begin_log, kind, self._warn, settings.fsync)
        self._append = self._log.append
        self._history = History(
            self._append,
            earlier.summary if earlier else SummaryFold(),
            started=self._started_ns / 1e9,
            step=self._starting_step,
            typed=settings.typed,
            warn=self._warn,
        )
        self._summary = Summary(self._history, self._append)
        self._derived_at = time.monotonic()
        self._console = ConsoleCapture(self._append)
        if settings.console == "wrap":
            self._console.start()
        _runs.add(self)
        self._say(f"recording run {self._id} in {self._directory}")

    # What the run is.

    @property
    def id(self) -> str:
        """The run's id, unique in its project."""
        return self._id

    @property
    def entity(self) -> str:
        """The user or team; "" where none was given."""
        return self.settings.entity

    @property
    def project(self) -> str:
        """The project; "" where none was given."""
        return self.settings.project

    @property
    def name(self) -> str | None:
        """The name for people, or None where none was given."""
        return self.settings.name or None

    @property
    def notes(self) -> str | None:
        """The longer description, or None."""
        return self.settings.notes or None

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags."""
        return self.settings.tags

    @property
    def group(self) -> str:
        """What the run is grouped with."""
        return self.settings.group

    @property
    def job_type(self) -> str:
        """Such as "train" or "eval"."""
        return self.settings.job_type

    @property
    def path(self) -> str:
        """`entity/project/id`, without what is empty."""
        return "/".join(part for part in (self.entity, self.project, self._id) if part)

    @property
    def dir(self) -> str:
        """The folder `files` of the run directory; what is put there travels with the run."""
        return str(self._directory / "files")

    @property
    def sync_dir(self) -> str:
        """The run directory, which `runstore sync` and `wandb sync` take."""
        return str(self._directory)

    @property
    def disabled(self) -> bool:
        """False: this run is recorded."""
        return False

    @property
    def offline(self) -> bool:
        """True: a run is always written to the local disk first."""
        return True

    @property
    def resumed(self) -> bool:
        """Whether the run goes on from earlier logs."""
        return self._resumed

    @property
    def starting_step(self) -> int:
        """The first step of this process: 0, or the one behind the last of the logs that it resumes."""
        return self._starting_step

    @property
    def start_time(self) -> float:
        """When this process began the run, in seconds since the epoch."""
        return self._started_ns / 1e9

    @property
    def step(self) -> int:
        """The current step: of the open row, or else of the next."""
        return self._history.step

    @property
    def config(self) -> Config:
        """What the run was started with."""
        return self._config

    @property
    def summary(self) -> Summary:
        """One value a metric: the last one logged, or what was set by hand."""
        return self._summary

    # What a program does with it.

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Log metrics for one step. When this returns, the operating system has them: a SIGKILL can't take them.

        Without `step` this is the next row. With `step`, or `commit=False`, the row stays open and later calls for
        the same step add to it. Steps that lie behind are kept. `sync` is accepted for older programs and ignored.

        Costs some microseconds and one system call. Never raises for a full or failing disk: that is said once, and
        training goes on. Raises TypeError if `data` is no mapping, UsageError after `finish`.
        """
        if self._finished:
            raise UsageError(f"run {self._id} is finished; begin another one with runstore.init()")
        if type(data) is not dict and not isinstance(data, Mapping):
            raise TypeError(f"log() takes a dict of names and values, not {type(data).__name__}")
        self._history.log(data, step, commit)
        if time.monotonic() - self._derived_at > DERIVED_SUMMARY_SECONDS and not self._forked:
            self._derive_summary()

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run: finish the open row, write summary and exit code (0 by default), bring all to the disk.

        Safe to repeat. `quiet` is accepted for older programs and ignored.
        """
        if self._finished:
            return
        self._console.stop()
        with self._history.mutex:  # no row comes between the last one and the end
            self._finished = True
            self._history.flush()
            if not self._forked:
                self._derive_summary()
                self._append(preamble.exit_record(exit_code or 0, round(time.time() - self.start_time)))
                self._append(preamble.final_record())
            elif self._has_log_of_child:  # a forked child only adds to its parent's run, which it does not end
                self._derive_summary()
                self._append(preamble.left_record())
                self._append(preamble.final_record())
            self._log.close()
        _runs.discard(self)
        lifecycle.released(self)
        if not self._forked:
            self._say(f"run {self._id} is recorded; to deliver it: runstore sync {self._directory}")

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fault = error is not None and not isinstance(error, SystemExit)
        if fault and not self._finished and self.settings.console == "wrap":
            # Python prints this only after the run is finished.
            self._console.write_error("".join(traceback.format_exception(kind, error, trace)))
        self.finish(lifecycle.exit_code_of(error))

    def __repr__(self) -> str:
        return f"<Run {self.path} in {self._directory}>"

    # How it is recorded.

    def _begin_log(self, kind: Origin.Kind) -> LogWriter:
        """Make a run directory and its log, with the records that every log begins with."""
        began_ns = time.time_ns()
        directory = make_run_directory(Path(self.settings.dir), self._id, began_ns / 1e9)
        path = directory / f"run-{self._id}.wandb"
        first = kind in (Origin.START, Origin.RESUME)
        step = self._starting_step if first else self._history.step
        writer: LogWriter | None = None
        try:
            writer = LogWriter.create(path, self.settings.fsync)
            writer.append(preamble.header_record(kind, began_ns, step))
            writer.append(
                preamble.run_record(self.settings, self._id, self._config, began_ns, step, self._resumed or not first)
            )
            self._describe(writer, directory, kind, began_ns)
        except StorageError:
            # Nothing that anybody was promised is in it yet.
            if writer is not None:
                writer.abandon()
            path.unlink(missing_ok=True)
            (directory / "files" / preamble.METADATA_FILE).unlink(missing_ok=True)
            (directory / "files").rmdir()
            directory.rmdir()
            raise
        if first:
            self._directory = directory
        return writer

    def _describe(self, writer: LogWriter, directory: Path, kind: Origin.Kind, began_ns: int) -> None:
        """Add what a log's readers want to know beyond the run itself."""
        if kind == Origin.RANK:
            # Stock sync takes the summary of the log that it sees last for the run's: give it one to take.
            self._has_log_of_child = True
            writer.append(derived_record(self._history.current_summary().tree()))
        if kind not in (Origin.START, Origin.RESUME):
            return
        file = directory / "files" / preamble.METADATA_FILE
        try:
            file.write_text(wire.dumps(preamble.metadata(began_ns)), encoding="utf-8")
        except OSError as error:
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
            self._warn(f"{preamble.METADATA_FILE} could not be written ({error.strerror}); the run is recorded without")
            return
        writer.append(preamble.metadata_files_record())

    def _record_config(self, updated: dict[str, Any], removed: list[str]) -> None:
        record = Record()
        for key, value in updated.items():
            record.config.update.add(key=key, value_json=wire.dumps(value))
        for key in removed:
            record.config.remove.add(key=key)
        self._append(codec.encode(record))

    def _derive_summary(self) -> None:
        self._derived_at = time.monotonic()
        self._log.leave_if_gone()
        with self._history.mutex:
            tree = self._history.current_summary().tree()
            tree["_wandb"] = {"runtime": math.floor(time.time() - self.start_time)}
            self._append(derived_record(tree))

    def _after_fork(self) -> None:
        """In a forked child: nothing of the parent's threads and locks is assumed alive."""
        self._forked = True
        self._history.forked()
        self._log.forked()
        self._console.forked()

    def _say(self, text: str) -> None:
        if not self.settings.silent and sys.stderr is not None:
            # Past the console's recording: this is about the run, not of it.
            with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr is closed, or no file
                os.write(sys.stderr.fileno(), f"runstore: {text}\n".encode("utf-8", "replace"))

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._say(text)


_runs: weakref.WeakSet[Run] = weakref.WeakSet()


def _after_fork() -> None:
    for run in list(_runs):
        run._after_fork()


os.register_at_fork(after_in_child=_after_fork)

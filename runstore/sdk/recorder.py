"""The machinery behind a run: its log, its directory, and the parts that add to it.

`Run` is what a program sees; everything in the training process that records anything does it through a Recorder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from runstore.core.keys import put
from runstore.core.summary import SummaryFold
from runstore.errors import StorageError
from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import Origin, Record
from runstore.runlog.writer import LogWriter
from runstore.sdk import preamble
from runstore.sdk.config import Config
from runstore.sdk.console.capture import ConsoleCapture
from runstore.sdk.history import History
from runstore.sdk.logfile import RunLog
from runstore.sdk.media.rows import with_media_recorded
from runstore.sdk.part import Part
from runstore.sdk.rundir import make_run_directory
from runstore.sdk.summary import Summary, derived_record
from runstore.settings import Settings

if TYPE_CHECKING:
    from runstore.sdk.resume import Earlier
    from runstore.sdk.turns import Turns

# How often the summary is written for stock tools while a run goes on. Our own readers don't need it.
DERIVED_SUMMARY_SECONDS = 15.0
_ORDER_NS = 1_000  # between the beginnings of two logs; float64 seconds since the epoch tell 240 ns apart

P = TypeVar("P", bound=Part)


class Recorder:
    """Records one run, as one process sees it. Safe to call from many threads; survives a fork."""

    def __init__(self, settings: Settings, config: Mapping[str, Any], earlier: Earlier | None = None) -> None:
        """Begin to record; raises StorageError where no run directory can be made."""
        self.settings = settings
        self.run_id = settings.run_id
        self.started_ns = time.time_ns()
        # A log comes behind those that it goes on from, whatever a clock that was set back says: readers order by this.
        self._not_before_ns = round((earlier.last_started if earlier else 0) * 1e9) + _ORDER_NS
        self.starting_step = earlier.next_step if earlier else 0
        self.resumed = earlier is not None and earlier.kind in (Origin.RESUME, Origin.REWIND)
        self.finished = False
        self._ending = threading.RLock()
        # Another process began the run, and ends it.
        self.adds_to_another = earlier is not None and earlier.kind == Origin.RANK
        self._wandb_config = dict(earlier.wandb_config) if earlier else {}  # said anew in each log of the run
        self._has_log_of_child = False
        self._directories: set[str] = set()  # of this process's logs, by name; a child's parent's among them
        self._turns: Turns | None = None  # once others may have the run in turn
        self._warned: set[str] = set()
        self._parts: dict[type[Part], Part] = {}
        self.config = Config(self._record_config)
        if earlier:
            self.config.load(earlier.config)
        self.config.load(config)
        fold = earlier.summary if earlier else SummaryFold()
        self._summary_now: Callable[[], SummaryFold] = lambda: fold
        self._step_now: Callable[[], int] = lambda: self.starting_step
        self._console = ConsoleCapture(lambda record: self._log.append(record), self.warn)
        kind = earlier.kind if earlier else Origin.START
        self._log = RunLog(self._begin_log, kind, self.warn, settings.fsync, self._known_summary)
        self.append = self._log.append
        self.history = History(
            self.append,
            self._log.mutex,
            fold,
            started=self.started_ns / 1e9,
            step=self.starting_step,
            typed=settings.typed,
            warn=self.warn,
            with_media=self.with_media,
            strict=bool(settings.strict),
        )
        self._summary_now = self.history.current_summary
        self._step_now = lambda: self.history.step
        self.summary = Summary(self.history, self.append, self.with_media, self._go_on_behind_others)
        self._derived_at = time.time()
        # What is redirected leads to the process that began the run.
        if not (self.adds_to_another and settings.console == "redirect"):
            self._console.start(settings.console)
        _recorders.add(self)
        self.say(f"recording run {self.run_id} in {self.directory}")

    # What parts of a run use.

    def part(self, kind: type[P]) -> P:
        """Return the run's part of this class, made at its first use."""
        found = self._parts.get(kind)
        if found is None:
            found = self._parts.setdefault(kind, kind(self))
        assert isinstance(found, kind)
        return found

    def with_media(self, data: Mapping[str, Any], step: int | str) -> Mapping[str, Any]:
        """Return `data` with the JSON that stands for images, tables and the like, which are recorded."""
        return with_media_recorded(data, self, step)

    def files_folder(self) -> Path:
        """Return the folder `files` beside the log that is being written, where a record's files must be."""
        return self._log.folder() / "files"

    def describe(self, **changed: Any) -> None:
        """Change settings that describe the run (`run_name`, `run_notes`, `run_tags`), and record that."""
        self.settings = dataclasses.replace(self.settings, **changed)
        self.append(preamble.description_record(self.settings, self.run_id, self.started_ns))

    def written(self) -> tuple[int, int]:
        """Return how many records wait in memory for a disk that refused, and how many are in the present log."""
        return self._log.written()

    def set_wandb_config(self, path: tuple[str, ...], value: Any) -> None:
        """Record a value below the config's key `_wandb`, where W&B's tools keep what isn't the program's."""
        put(self._wandb_config, path, value)
        record = Record()
        record.config.update.add(nested_key=("_wandb", *path), value_json=wire.dumps(value))
        self.append(codec.encode(record))

    def say(self, text: str) -> None:
        """Tell the person at the terminal, unless the settings ask for silence; never recorded as console output."""
        if self.settings.show_info and not self.settings.quiet:
            self._tell(text)

    def _tell(self, text: str) -> None:
        if not self.settings.silent and sys.stderr is not None:
            # Past the console's recording: this is about the run, not of it.
            with contextlib.suppress(Exception):  # stderr is closed, no file, or an object that raises anything
                terminal = self._console.terminal_of(sys.stderr.fileno())
                os.write(terminal, f"runstore: {text}\n".encode("utf-8", "replace"))

    def warn(self, text: str) -> None:
        """Say `text`, once in the life of the run."""
        if text not in self._warned:
            self._warned.add(text)
            if self.settings.show_warnings:
                self._tell(text)

    # The run's life.

    def log(self, data: Mapping[str, Any], step: int | None, commit: bool | None) -> None:
        """Record one row, or add to the open one; see Run.log."""
        if self.config.may_have_changed:
            self.config.notice_changes()
        if self._log.gone:
            self._log.leave_if_gone()
        if self._turns is not None and step is None:  # who counts the steps knows where they stand
            self._go_on_behind_others(data if isinstance(data, dict) else ())  # others may fail at a look
        derived_at, now = self._derived_at, time.time()
        self.history.log(data, step, commit, now)
        # A clock that was set back derives at once, too.
        if not 0.0 <= now - derived_at <= DERIVED_SUMMARY_SECONDS and not self.adds_to_another:
            with self.history.mutex:
                if not self.finished:  # by another thread: the row is kept, and the summary was the last thing written
                    self._derive_summary()

    def finish(self, exit_code: int) -> None:
        """End the run: finish the open row, write summary and exit code, bring all to the disk. Safe to repeat.

        A thread that comes second returns when the first is through.
        """
        with self._ending:
            if self.finished:
                return
            self._stop("the console's recording", self._console.stop)
            for part in reversed(list(self._parts.values())):
                self._stop(type(part).__name__, part.stop)
            self._write_end(exit_code)
        _recorders.discard(self)
        if not self.adds_to_another:
            self.say(f"run {self.run_id} is recorded; to deliver it: runstore sync {self.directory}")

    def _stop(self, name: str, stop: Callable[[], None]) -> None:
        try:
            stop()
        except Exception as error:  # the outer edge of each part: none of them may keep the run from ending
            self.warn(
                f"{name} could not be ended in good order ({type(error).__name__}: {error}); the run ends all the same"
            )

    def _write_end(self, exit_code: int) -> None:
        with self.history.mutex:  # no row comes between the last one and the end
            if self.finished:  # by a signal handler, in the middle of this
                return
            self.finished = True
            self._log.leave_if_gone()  # before the last row is written
            self.history.flush()
            if not self.adds_to_another:
                self._derive_summary()
                self.append(preamble.exit_record(exit_code, math.floor(time.time() - self.started_ns / 1e9)))
                self.append(preamble.final_record())
            elif self._has_log_of_child:  # a forked child only adds to its parent's run, which it does not end
                for record in self._leaving():
                    self.append(record)
            self._log.close()

    def share(self) -> None:
        """Reckon from now on with other processes that have the run in turn: forked ones, and those that attach.

        Those that were given a label stand beside each other to the end.
        """
        if self._turns is None and not self.settings.x_label and not self.finished:
            from runstore.sdk.turns import Turns  # reads logs, as a run that nobody shares never does

            since = (self._not_before_ns - _ORDER_NS) / 1e9
            self._turns = Turns(Path(self.settings.root_dir) / "wandb", self.run_id, self._directories, since)

    def _go_on_behind_others(self, names: Iterable[str]) -> None:
        """Go on in a log behind those of others who have ended, if one of them logged something of these names."""
        if self._turns is None or self.history.has_open_row:
            return
        with self.history.mutex:
            ended = self._turns.before(names)
            if not ended:
                return
            for fold in ended:
                self.history.go_on_behind(fold.last_step, fold.summary)
                self.config.load({key: value for key, value in fold.config.items() if key not in self.config})
                self._not_before_ns = max(self._not_before_ns, round(fold.facts.started_at * 1e9) + _ORDER_NS)
            self._log.succeed(self._leaving())

    def _leaving(self) -> list[bytes]:
        """Return the records with which a log ends whose run goes on."""
        return [self._derived(), preamble.left_record(), preamble.final_record()]

    def write_exception(self, error: BaseException) -> None:
        """Record an exception as Python will show it only when the run has ended."""
        import traceback

        self._console.write_error("".join(traceback.format_exception(error)))

    # How it is recorded.

    def _begin_log(self, kind: Origin.Kind) -> LogWriter:
        """Make a run directory and its log, with the records that every log begins with."""
        began_ns = time.time_ns()
        directory = make_run_directory(Path(self.settings.root_dir), self.run_id, began_ns / 1e9)
        self._directories.add(directory.name)
        path = directory / f"run-{self.run_id}.wandb"
        step = self._step_now()
        writer: LogWriter | None = None
        try:
            writer = LogWriter.create(path, self.settings.fsync)
            ordered_ns = max(began_ns, self._not_before_ns)
            self._not_before_ns = ordered_ns + _ORDER_NS
            writer.append(preamble.header_record(kind, ordered_ns, step))
            writer.append(self._run_record(kind, began_ns, step))
            for metric in self._summary_now().definitions.records():
                writer.append(codec.encode(Record(metric=metric)))
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
        if not hasattr(self, "directory"):
            self.directory = directory
        return writer

    def _known_summary(self) -> bytes:
        """Return the record of the summary for a log whose predecessor is gone, with the rows that it came from."""
        record = Record()
        for key, value in self._summary_now().tree().items():
            record.summary.update.add(key=key, value_json=wire.dumps(value))
        return codec.encode(record)

    def _run_record(self, kind: Origin.Kind, began_ns: int, step: int) -> bytes:
        branches = kind in (Origin.START, Origin.REWIND)
        return preamble.run_record(
            self.settings,
            self.run_id,
            {**self.config.as_dict(), "_wandb": self._wandb_config},
            began_ns,
            step,
            resumed=not branches,
            branch=(self.settings.resume_from or self.settings.fork_from) if branches else None,
        )

    def _describe(self, writer: LogWriter, directory: Path, kind: Origin.Kind, began_ns: int) -> None:
        """Add what a log's readers want to know beyond the run itself."""
        if kind == Origin.RANK:
            # Stock sync takes the summary of the log that it sees last for the run's: give it one to take.
            self._has_log_of_child = True
            writer.append(derived_record(self._summary_now().tree()))
        described = not (self.settings.x_disable_meta or self.settings.x_disable_machine_info)
        if kind not in (Origin.START, Origin.RESUME, Origin.REWIND) or not described:
            return
        file = directory / "files" / preamble.METADATA_FILE
        try:
            file.write_text(wire.dumps(preamble.metadata(self.settings, began_ns)), encoding="utf-8")
        except OSError as error:
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
            self.warn(f"{preamble.METADATA_FILE} could not be written ({error.strerror}); the run is recorded without")
            return
        writer.append(preamble.metadata_files_record())

    def _record_config(self, updated: dict[str, Any], removed: list[str]) -> None:
        record = Record()
        for key, value in updated.items():
            record.config.update.add(key=key, value_json=wire.dumps(value))
        for key in removed:
            record.config.remove.add(key=key)
        self.append(codec.encode(record))

    def _derive_summary(self) -> None:
        self._derived_at = time.time()
        self.config.record_changes()
        with self.history.mutex:
            self._log.leave_if_gone()
            self.append(self._derived())

    def _derived(self) -> bytes:
        """Return the record of the whole summary for stock tools."""
        tree = self.history.current_summary().tree()
        tree["_wandb"] = {"runtime": math.floor(time.time() - self.started_ns / 1e9)}
        return derived_record(tree)

    def forked(self) -> None:
        """In a forked child: nothing of the parent's threads and locks is assumed alive."""
        self.adds_to_another = True
        self._ending = threading.RLock()
        self.share()  # it may fork others
        self._log.forked()
        self.history.forked(self._log.mutex)
        self._console.forked()
        for part in list(self._parts.values()):
            part.forked()


_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _after_fork() -> None:
    for recorder in list(_recorders):
        recorder.forked()


def _before_fork() -> None:
    for recorder in list(_recorders):
        recorder.share()  # here, since what it loads would be loaded by each child


os.register_at_fork(before=_before_fork, after_in_child=_after_fork)

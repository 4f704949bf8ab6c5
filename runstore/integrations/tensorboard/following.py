"""Read the event files that a program writes into its run, while it trains.

A thread looks once a second; when the run ends, the writers that are still open are flushed and the rest is read. Each
event file's rows come in its own order, with TensorBoard's step as the metric `global_step`; those of several files
come one after the other. A row is recorded when the next step's first event is read, or the run ends; what the program
has logged with commit=False until then is in it, as with W&B's client, so that gradients have a step to be drawn at.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.integrations.tensorboard.events import Event, Value, event_of
from runstore.integrations.tensorboard.folders import EventFolder, named_root, settle
from runstore.integrations.tensorboard.records import DamagedRecords, RecordFile
from runstore.integrations.tensorboard.rows import Row, Rows
from runstore.integrations.tensorboard.values import Conversion
from runstore.integrations.tensorboard.written import Written
from runstore.runlog.fields import NotAMessage
from runstore.sdk.files.saving import SavedFiles
from runstore.sdk.part import Part

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

LOOK_SECONDS = 1.0
WAIT_FOR_WRITERS_SECONDS = 2.0  # a writer's thread brings thousands of events to its file in that time
_PAUSE_SECONDS = 0.005
_ENOUGH = 1 << 62  # nothing is awaited of a damaged file
_STOP_SECONDS = 5.0  # how long the end waits for a look that is going on, before it reads by itself


class EventFile:
    """One event file, and its rows so far."""

    def __init__(self, path: Path, prefix: str) -> None:
        self.prefix = prefix
        self.damaged = False
        self._records = RecordFile(path)
        self._rows = Rows()

    def new(self) -> Iterator[Row]:
        """Yield the rows that are whole by now. Raises OSError, DamagedRecords and NotAMessage, and ends with these."""
        if not self.damaged:
            try:
                yield from self._rows.finished_by(self._events())
            except (DamagedRecords, NotAMessage):
                self.damaged = True
                raise

    @property
    def records(self) -> int:
        """How many records were read."""
        return self._records.count

    def rest(self) -> Iterator[Row]:
        """Yield the row that is still open."""
        return self._rows.rest()

    def _events(self) -> Iterator[Event]:
        for data in self._records.new():
            event = event_of(data)
            if event is not None:
                yield event


class EventFiles(Part):
    """The event files of one run. Safe to call from many threads."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._saved = recorder.part(SavedFiles)  # made first, to be ended last: it copies what is written until then
        self._forget()

    def add(self, logdir: str, save: bool = True, root_logdir: str = "", written: Written | None = None) -> None:
        """Follow the files that come into a folder from now on; `save` copies them into the run's files too.

        `root_logdir` is the folder below which its path stands before the keys; `written` counts what is to be waited
        for at the end. Costs the start of a thread, once.
        """
        if "://" in logdir:
            self.recorder.warn(f"{logdir} is not on this machine: its event files are not read into the run")
            return
        path = Path(os.path.abspath(logdir))
        with self._mutex:
            if written is not None:
                self._written.append((path, written))
            if all(folder.path != path for folder in self._folders):
                self._folders.append(EventFolder(path, named_root(path, root_logdir), time.monotonic()))
                if save:
                    self._to_save.add(path)
            self._start()
        self.recorder.history.refuse_steps(
            "while TensorBoard's files are read into the run, steps given to log() are not taken; log the step as a "
            "metric, and see define_metric"
        )

    def stop(self) -> None:
        """Flush the writers that are open, and record what was not yet."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        until = time.monotonic() + WAIT_FOR_WRITERS_SECONDS
        self._look_once_flushed()
        while self._is_awaited() and time.monotonic() < until:
            time.sleep(_PAUSE_SECONDS)
            self._look_once_flushed()
        self._look(ending=True)
        self._conversion.close()

    def forked(self) -> None:
        """In a forked child: what the parent's writers write, the parent reads."""
        self._forget()
        self._ended.set()

    def _look_once_flushed(self) -> None:
        """Record what the writers have by now brought to their files; whether more is to come is not known."""
        settle(self._folders, time.monotonic(), ending=True)
        for _, written in self._written:
            written.flush()
        self._look(ending=False)

    def _is_awaited(self) -> bool:
        """Return whether a folder's writers were given more than was read."""
        read, given = Counter[Path](), Counter[Path]()
        for path, file in self._files.items():
            read[path.parent] += file.records if not file.damaged else _ENOUGH
        for path, written in self._written:
            given[path] += written.records
        return any(read[path] < records for path, records in given.items())

    def _forget(self) -> None:
        self._mutex = threading.RLock()
        self._looking = threading.Lock()
        self._folders: list[EventFolder] = []
        self._to_save: set[Path] = set()
        self._files: dict[Path, EventFile] = {}
        self._written: list[tuple[Path, Written]] = []
        self._conversion = Conversion()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def _start(self) -> None:
        if self._thread is None and not self._ended.is_set():
            otherwise = "TensorBoard's files are read into the run at its end only"
            self._thread = self.thread(self._run, "runstore-tensorboard", otherwise)

    def _run(self) -> None:
        ended = self._ended
        while not ended.wait(LOOK_SECONDS):
            try:
                self._look(ending=False)
            except Exception as error:  # the thread's outer edge: training must not hear of it
                self.recorder.warn(f"TensorBoard's files could not be read ({type(error).__name__}: {error})")

    def _look(self, ending: bool) -> None:
        """Record what has come since; with `ending`, the rows that are still open as well."""
        with self._looking:
            with self._mutex:
                folders = list(self._folders)
            settle(folders, time.monotonic(), ending)
            for folder in folders:
                if folder.settled:
                    self._find(folder)
            for file in list(self._files.values()):
                self._record(file.prefix, self._told(file))
                if ending:
                    self._record(file.prefix, file.rest())

    def _find(self, folder: EventFolder) -> None:
        """Take in the files that have come into a folder."""
        for path in folder.new_files():
            if path not in self._files:
                self._files[path] = EventFile(path, folder.prefix)
                if folder.path in self._to_save:
                    self._saved.save(path, folder.base, "live", glob=False)

    def _told(self, file: EventFile) -> Iterator[Row]:
        """Yield a file's new rows; what is wrong with it is said."""
        try:
            yield from file.new()
        except (OSError, DamagedRecords, NotAMessage) as error:
            self.recorder.warn(f"event file: {error}")

    def _record(self, prefix: str, rows: Iterator[Row]) -> None:
        for row in rows:
            found = {f"{prefix}{tag}": self._converted(value) for tag, value in row.values.items()}
            kept = {key: value for key, value in found.items() if value is not None}
            if kept:
                self.recorder.log({**kept, "global_step": row.step, "_timestamp": row.time}, None, True)
            self._conversion.forget()

    def _converted(self, value: Value) -> Any:
        try:
            return self._conversion.of(value)
        except Exception as error:  # the outer edge of what strangers wrote: one bad picture must not hide the rest
            self.recorder.warn(f"{value.tag}: this value could not be read ({type(error).__name__}: {error})")
            return None

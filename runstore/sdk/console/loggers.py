"""What the program's loggers say, added to the run's console log: the setting `capture_loggers`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from runstore.errors import SettingsError
from runstore.sdk.messages import logger_record
from runstore.sdk.part import Part
from runstore.sdk.recorder import Recorder


class Loggers(Part):
    """Listens to loggers of Python's `logging` until the run ends."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._listening: list[tuple[logging.Logger, logging.Handler]] = []

    def listen(self, levels: Mapping[str, str]) -> None:
        """Add a handler to each logger of these names, at these levels ("INFO", "WARNING" and so on).

        Raises SettingsError for a level that logging does not know.
        """
        for name, level in levels.items():
            try:
                handler = _Handler(self.recorder, str(level).upper())
            except ValueError:
                raise SettingsError(f"capture_loggers: {level!r} (of logger {name!r}) is no level of logging") from None
            logger = logging.getLogger(name)
            logger.addHandler(handler)
            self._listening.append((logger, handler))

    def stop(self) -> None:
        """Take the handlers off."""
        for logger, handler in self._listening:
            logger.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, recorder: Recorder, level: str) -> None:
        super().__init__(level)
        self._recorder = recorder
        self._here = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Record one message; what recording itself would log is left alone."""
        if getattr(self._here, "recording", False):
            return
        self._here.recording = True
        try:
            if not self._recorder.finished:
                self._recorder.append(logger_record(self.format(record)))
        except Exception:  # as every handler of logging's: a program does not fail by what it logs
            self.handleError(record)
        finally:
            self._here.recording = False

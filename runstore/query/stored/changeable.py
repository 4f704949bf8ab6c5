"""What of a stored run can be changed: name, notes, tags, group, job type, config and summary.

A change is made to this object first, and kept by `update()`, as with W&B's API: one record in the run's edit log,
after which the object shows what the run is now, with what others changed meanwhile.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.errors import NotFound, UsageError
from runstore.index.jsontext import from_columns
from runstore.query.stored.runrow import RunRow, TakeIn
from runstore.query.stored.summary import StoredSummary
from runstore.query.stored.unread import Written

if TYPE_CHECKING:
    from runstore.core.edits import Edit

_COLUMNS = {"name": "name", "notes": "notes", "group": "run_group", "job_type": "job_type"}


class ChangeableRun(RunRow):
    """A run, and the changes to it that are not kept yet."""

    def __init__(self, connection: sqlite3.Connection, row: sqlite3.Row, take_in: TakeIn | None = None) -> None:
        super().__init__(connection, row, take_in)
        self._texts: dict[str, str] = {}  # changed ones
        self._tags: list[str] | None = None
        self._config: dict[str, Any] | None = None
        self._summary: StoredSummary | None = None

    @property
    def name(self) -> str:
        """The name for people; the id where none was given."""
        return self._text("name") or self.id

    @name.setter
    def name(self, text: str) -> None:
        self._set_text("name", text)

    @property
    def notes(self) -> str:
        """The longer description."""
        return self._text("notes")

    @notes.setter
    def notes(self, text: str | None) -> None:
        self._set_text("notes", text or "")

    @property
    def group(self) -> str:
        """What the run is grouped with."""
        return self._text("group")

    @group.setter
    def group(self, text: str | None) -> None:
        self._set_text("group", text or "")

    @property
    def job_type(self) -> str:
        """Such as "train" or "eval"."""
        return self._text("job_type")

    @job_type.setter
    def job_type(self, text: str | None) -> None:
        self._set_text("job_type", text or "")

    @property
    def tags(self) -> list[str]:
        """The tags, as a list that can be changed."""
        if self._tags is None:
            self._tags = self._stored_tags()
        return self._tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        if isinstance(tags, str):
            raise UsageError(f"tags are a list of str, not the one str {tags!r:.80}")
        self._tags = list(tags)

    @property
    def config(self) -> dict[str, Any]:
        """What the run was started with, nested as it was given; keys of tools, which begin with _, are left out."""
        if self._config is None:
            self._config = self._stored_config()
        return self._config

    @property
    def summary(self) -> StoredSummary:
        """One value a metric, the last one or what `define_metric` or the program made of it."""
        if self._summary is None:
            self._summary = StoredSummary(self._stored_summary(), self._keep_summary)
        return self._summary

    @property
    def rawconfig(self) -> dict[str, Any]:
        """The config with the keys of tools, as it is kept."""
        return dict(from_columns(self._row["config"], self._row["config_nan"]))

    def update(self) -> None:
        """Keep all changes, durably, in the run's edit log; without a change nothing is written.

        Raises StorageError where no folder of the run can be written, and UsageError for a value that can't be kept.
        """
        self._keep(summary_alone=False)

    def save(self) -> None:
        """Keep all changes; as `update`."""
        self.update()

    def load(self, force: bool = False) -> dict[str, Any]:
        """Return the run's row; with `force`, read its logs on and look it up anew, which drops unkept changes.

        Raises NotFound where the run is gone.
        """
        if force:
            self.look_again()
            self._drop_changes()
        return dict(self._row)

    def look_again(self) -> None:
        """Read the run's logs on, and look its row up anew; raises NotFound where the run is gone."""
        for log in self.logs:
            self._read_on(Path(log))
        self._look_up()

    def load_full_data(self, force: bool = False) -> dict[str, Any]:
        """Return the run's row; as `load`."""
        return self.load(force)

    def _keep_summary(self) -> None:
        self._keep(summary_alone=True)

    def write(self) -> Written | None:
        """Keep all changes durably, and wait for nobody who writes to the index; return what was written, if anything.

        This object shows what the run was until then. Raises as `update` does.
        """
        return self._write(summary_alone=False)

    def show(self, edit: Edit) -> None:
        """Show name, notes, tags, group and job type as a change has them that the index has not read yet."""
        row = dict(self._row)
        row.update({_COLUMNS[name]: text for name, text in edit.texts.items()})
        if edit.tags is not None:
            row["tags"] = json.dumps(edit.tags)
        self._row, self._fields = row, None
        self._drop_changes()

    def _keep(self, summary_alone: bool) -> None:
        written = self._write(summary_alone)
        if written is None:
            return
        self._read_on(written.log)
        if self._take_in is not None:  # else the change shows when somebody brings the index up to date
            self._look_up()
            self._drop_changes(summary_alone)

    def _write(self, summary_alone: bool) -> Written | None:
        from runstore.core.edits import Edit  # what reading a list of runs need not pay for
        from runstore.query.stored.edits import changed_values, moment_after, write_edit

        edit = Edit(self.entity, self.project, self.id)
        if not summary_alone:
            edit.texts = {key: text for key, text in self._texts.items() if text != self._row[_COLUMNS[key]]}
            if self._tags is not None and self._tags != self._stored_tags():
                edit.tags = list(dict.fromkeys(map(str, self._tags)))
            if self._config is not None:
                edit.config = changed_values(self._stored_config(), self._config, "config")
        if self._summary is not None:
            edit.summary = changed_values(self._stored_summary(), self._summary, "summary")
        if not edit:
            return None
        found = self._connection.execute(
            "SELECT path, started_at FROM logs WHERE run = ? ORDER BY started_at DESC, path DESC", (self.place,)
        ).fetchall()
        edit.made_ns = moment_after(*(started_at for _, started_at in found))
        return Written(edit, write_edit(edit, [Path(path) for path, _ in found]))

    def _read_on(self, log: Path) -> None:
        if self._take_in is not None:
            self._take_in(log)

    def _look_up(self) -> None:
        cursor = self._connection.cursor()
        cursor.row_factory = sqlite3.Row
        row = cursor.execute("SELECT * FROM runs WHERE id = ?", (self.place,)).fetchone()
        if row is None:
            raise NotFound(f"run {self.storage_id} is gone: none of its logs is there any more")
        self._row = row
        self._fields = None

    def _drop_changes(self, summary_alone: bool = False) -> None:
        """Let the objects that were handed out show what the run is."""
        if self._summary is not None:
            self._summary.replace(self._stored_summary())
        if summary_alone:
            return
        self._texts.clear()
        if self._tags is not None:
            self._tags[:] = self._stored_tags()
        if self._config is not None:
            config = self._stored_config()
            self._config.clear()
            self._config.update(config)

    def _text(self, name: str) -> str:
        return self._texts[name] if name in self._texts else str(self._row[_COLUMNS[name]])

    def _set_text(self, name: str, text: str) -> None:
        if not isinstance(text, str):
            raise UsageError(f"{name} is a str, not {text!r:.80}")
        self._texts[name] = text

    def _stored_tags(self) -> list[str]:
        return list(json.loads(self._row["tags"]))

    def _stored_config(self) -> dict[str, Any]:
        return {key: value for key, value in self.rawconfig.items() if not key.startswith("_")}

    def _stored_summary(self) -> dict[str, Any]:
        summary = dict(from_columns(self._row["summary"], self._row["summary_nan"]))
        summary.pop("_wandb", None)
        return summary

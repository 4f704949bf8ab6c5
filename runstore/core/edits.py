"""What people change of a run after it was recorded: its name, notes, tags, group, job type, config and summary.

Changes are kept in edit logs beside the run's own, one record each, and are absolute: what a change names it sets,
whatever stood there before, and an empty list of tags means that there are none. A change counts more than all that
is said by logs of the run that were begun before it, and less than what a later log says: a process that resumes the
run goes on from what was changed, and what it says anew, it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runstore.core.keys import drop, put
from runstore.core.summary import SummaryFold
from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import ConfigRecord, Record, SummaryRecord
from runstore.runlog.record_pb2 import Edit as EditRecord

TEXTS = ("name", "notes", "group", "job_type")

Path = tuple[str, ...]


@dataclass
class Values:
    """Values to set and to remove, each by its path of keys, outermost first."""

    put: list[tuple[Path, Any]] = field(default_factory=list)
    drop: list[Path] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.put or self.drop)


@dataclass
class Edit:
    """One change of one run; None, and no values, leave things as they are. `made_ns` is in ns since the epoch."""

    entity: str
    project: str
    run_id: str
    made_ns: int = 0
    texts: dict[str, str] = field(default_factory=dict)  # some of TEXTS
    tags: list[str] | None = None
    config: Values = field(default_factory=Values)
    summary: Values = field(default_factory=Values)

    def __bool__(self) -> bool:
        return bool(self.texts or self.tags is not None or self.config or self.summary)

    def change(self) -> dict[str, Any]:
        """Return what is changed, made of JSON's types (NaN and infinities included)."""
        found: dict[str, Any] = dict(self.texts)
        if self.tags is not None:
            found["tags"] = self.tags
        for name, values in (("config", self.config), ("summary", self.summary)):
            if values:
                found[name] = {"put": values.put, "drop": values.drop}
        return found

    @classmethod
    def from_change(cls, change: Mapping[str, Any], made_ns: int = 0) -> Edit:
        """Return the edit, of no run in particular, whose `change()` this was."""
        texts = {name: change[name] for name in TEXTS if name in change}
        return cls(
            "", "", "", made_ns, texts, change.get("tags"), _values(change, "config"), _values(change, "summary")
        )

    def apply_to_config(self, config: dict[str, Any]) -> None:
        """Change a config in place."""
        for path in self.config.drop:
            drop(config, path)
        for path, value in self.config.put:
            put(config, path, value)

    def apply_to_summary(self, summary: SummaryFold) -> None:
        """Change a summary in place."""
        for path in self.summary.drop:
            summary.remove(path)
        for path, value in self.summary.put:
            summary.assign(path, value)


def _values(change: Mapping[str, Any], name: str) -> Values:
    found = change.get(name, {})
    return Values(
        [(tuple(path), value) for path, value in found.get("put", ())], [tuple(path) for path in found.get("drop", ())]
    )


def edit_of(record: EditRecord) -> Edit:
    """Return what the record of an edit says."""
    texts = {name: getattr(record, name) for name in TEXTS if record.HasField(name)}
    tags = list(record.tags.tag) if record.HasField("tags") else None
    edit = Edit(record.entity, record.project, record.run_id, record.made_ns, texts, tags)
    for values, said in ((edit.config, record.config), (edit.summary, record.summary)):
        values.put += [(codec.path_of(item) or ("",), codec.loads(item.value_json)) for item in said.update]
        values.drop += [codec.path_of(item) or ("",) for item in said.remove]
    return edit


def edit_record(edit: Edit) -> bytes:
    """Return the body of the record that says this."""
    record = Record()
    said = record.footer.edit
    said.made_ns, said.entity, said.project, said.run_id = edit.made_ns, edit.entity, edit.project, edit.run_id
    for name, text in edit.texts.items():
        setattr(said, name, text)
    if edit.tags is not None:
        said.tags.tag.extend(edit.tags)
        said.tags.SetInParent()
    if edit.config:
        _say(said.config, edit.config)
    if edit.summary:
        _say(said.summary, edit.summary)
    return codec.encode(record)


def _say(record: ConfigRecord | SummaryRecord, values: Values) -> None:
    for path, value in values.put:
        record.update.add(nested_key=path, value_json=wire.dumps(value))
    for path in values.drop:
        record.remove.add(nested_key=path)

"""What logs and edits of a run say together, told in order of time: the description, the config and the summary."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from runstore.core.edits import TEXTS, Edit
from runstore.core.logfold import LogFold
from runstore.core.summary import SummaryFold

Story: TypeAlias = Sequence[LogFold | Edit]


def told(logs: Sequence[LogFold], edits: Sequence[Edit]) -> Story:
    """Return logs, which are in order already, with the edits: each behind all logs that were begun before it."""
    return list(_told(logs, sorted(edits, key=lambda edit: edit.made_ns))) if edits else logs


def _told(logs: Sequence[LogFold], waiting: list[Edit]) -> Iterator[LogFold | Edit]:
    for log in logs:
        while waiting and waiting[0].made_ns / 1e9 < log.facts.started_at:
            yield waiting.pop(0)
        yield log
    yield from waiting


def texts_of(story: Story) -> dict[str, str]:
    """Return name, notes, group and job type: of each the last word of a log that says one, or of an edit."""
    texts = dict.fromkeys(TEXTS, "")
    for part in story:
        if isinstance(part, Edit):
            texts |= part.texts
        else:
            texts |= {name: text for name in TEXTS if (text := getattr(part.facts, name))}
    return texts


def tags_of(story: Story) -> list[str]:
    """Return the tags: those of the last log that has some, or of an edit, which may have none."""
    tags: list[str] = []
    for part in story:
        if isinstance(part, LogFold):
            tags = part.facts.tags or tags
        elif part.tags is not None:
            tags = part.tags
    return tags


def config_of(story: Story) -> dict[str, Any]:
    """Return the config: of each key the last word; of `_wandb`, the tools' own, what any log says."""
    config: dict[str, Any] = {}
    for part in story:
        if isinstance(part, Edit):
            config = copy.deepcopy(config)  # what is nested in it belongs to a log
            part.apply_to_config(config)
        else:
            tools = {**_dict(config.get("_wandb")), **_dict(part.config.get("_wandb"))}
            config |= {**part.config, "_wandb": tools} if tools else part.config
    return config


def summary_of(story: Story) -> SummaryFold:
    """Return the summary, to be read only: it may be that of a log."""
    summary: SummaryFold | None = None
    for part in story:
        if isinstance(part, Edit):
            summary = summary.copy() if summary else SummaryFold()
            part.apply_to_summary(summary)
        else:
            summary = part.summary if summary is None else summary.followed_by(part.summary)
    return summary or SummaryFold()


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

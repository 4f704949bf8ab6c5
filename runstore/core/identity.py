"""What names a run: entity, project and run id. Log files with the same three are fragments of one run."""

from __future__ import annotations

from typing import NamedTuple

from runstore.errors import NotFound

# What W&B's servers call the project of a run that was given none.
NO_PROJECT = "uncategorized"


class RunPath(NamedTuple):
    """`entity/project/run_id`; the entity is empty where none was given."""

    entity: str
    project: str
    run_id: str

    def __str__(self) -> str:
        return "/".join(part for part in self if part)


def parse_run_path(text: str) -> tuple[str | None, str | None, str]:
    """Return entity, project and run id of `[[entity/]project/]run_id`; what is not given is None.

    Raises NotFound for text that can't be a run path.
    """
    parts = text.strip("/").split("/")
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise NotFound(f"{text!r} is no run path; write entity/project/run_id, project/run_id or run_id")
    return (None, None, *parts)[-3], (None, None, *parts)[-2], parts[-1]

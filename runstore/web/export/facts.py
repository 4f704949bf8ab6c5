"""What an exported page shows: the facts of runs, in what they differ, their charts; and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from runstore.errors import UsageError
from runstore.query.api import Api
from runstore.query.compare import TextOf, compare
from runstore.query.media.keys import without_media
from runstore.query.stored.run import StoredRun
from runstore.web.asking import Asked
from runstore.web.curves import MOST_LINES
from runstore.web.routes.charts import charts
from runstore.web.routes.keys import keys
from runstore.web.routes.run import run_ref_of

_MOST_CHARTS = 300
_AT_ONCE = 20  # of a question
# How large the charts of a file may be together, about; a bucket of a line takes so many bytes, or that with its range.
_CHART_BYTES = 12 << 20
_BUCKET_BYTES, _RANGED_BYTES = 14, 30
_RANGED_RUNS = 5  # as the charts route decides
_FEWEST, _MOST = 60, 1_000
_AXES = ("", "_runtime")  # as it was defined, and the time since the start
_LETTERS = 4_000  # of a text
_OF_ROW = ("created_at", "heartbeat_at", "runtime", "host", "program", "git_commit", "git_remote", "writer")
_OF_RUN = ("id", "name", "state", "project", "notes", "tags", "group", "job_type", "exit_code")


def facts_of_runs(api: Api, runs: Mapping[str, StoredRun], left_out: list[str]) -> dict[str, Any]:
    """Return what there is to show of these runs, which come by their references.

    Sentences about what is not there are added to `left_out`. Raises UsageError for no run, and for too many.
    """
    if not runs:
        raise UsageError("no run is chosen; name one at least")
    if len(runs) > MOST_LINES:
        raise UsageError(
            f"{len(runs):,} runs are too many for one page, which shows {MOST_LINES} at most; filter for fewer"
        )
    return {"runs": [_run(run) for run in runs.values()], **charts_of(api, list(runs), left_out)}


def charts_of(api: Api, refs: Sequence[str], left_out: list[str]) -> dict[str, Any]:
    """Return `keys` as the page asks for them, and `charts` by x axis and key, as fine as the file's size allows."""
    found: Any = keys(api, Asked({}, {"refs": list(refs)}))
    shown = found["keys"][:_MOST_CHARTS]
    if len(found["keys"]) > len(shown):
        left_out.append(f"{len(found['keys']) - len(shown):,} of {len(found['keys']):,} charts, those that come last")
    buckets = _buckets(len(shown) * len(refs), has_ranges=len(refs) <= _RANGED_RUNS)
    by_axis: dict[str, dict[str, Any]] = {}
    for axis in _AXES:
        wanted = [{"key": key, "x": axis, "buckets": buckets} for key in shown]
        by_axis[axis] = {one["key"]: one for some in _slices(wanted) for one in _asked(api, refs, some)}
    if any(one["width"] > 1 for every in by_axis.values() for one in every.values()):
        left_out.append(
            f"single points of long runs: a line is of {buckets:,} parts at most, each with what it ranged over"
        )
    return {"keys": {**found, "keys": shown, "runs": found["runs"][: len(shown)]}, "charts": by_axis}


def differences(runs: Sequence[StoredRun], text_of: TextOf) -> list[dict[str, Any]]:
    """Return in what several runs differ, each with the value of each run; `text_of` reads their files."""
    return [
        {"section": one.section, "key": one.key, "values": [_cut(value) for value in one.values]}
        for one in (compare(runs, text_of=text_of) if len(runs) > 1 else ())
    ]


def _asked(api: Api, refs: Sequence[str], wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    answer: Any = charts(api, Asked({}, {"refs": list(refs), "charts": list(wanted)}))
    return list(answer["charts"])


def _buckets(lines: int, *, has_ranges: bool) -> int:
    size = (_RANGED_BYTES if has_ranges else _BUCKET_BYTES) * len(_AXES)
    return min(_MOST, max(_FEWEST, _CHART_BYTES // (size * max(1, lines))))


def _slices(wanted: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    every = iter(wanted)
    return list(iter(lambda: list(islice(every, _AT_ONCE)), []))


def _run(run: StoredRun) -> dict[str, Any]:
    """Return what the page says of one run, without what only its machine knows, such as where its logs lie."""
    row = run.load()
    return {
        **{name: row[name] for name in _OF_ROW},
        "ref": run_ref_of(run),
        **{name: getattr(run, name) for name in _OF_RUN},
        "last_step": run.lastHistoryStep,
        "config": {key: value for key, value in run.config.items() if not key.startswith("_")},
        "summary": without_media({key: one for key, one in dict(run.summary).items() if not key.startswith("_")}),
    }


def _cut(value: Any) -> Any:
    return f"{value[:_LETTERS]}…" if isinstance(value, str) and len(value) > _LETTERS else value

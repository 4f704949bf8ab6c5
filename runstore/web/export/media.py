"""Media of runs, as the page's own components ask a server for them: values, histograms, charts.

Of all there is the last step; of histograms as many steps as a heat map has; of what is shown as it is, some earlier
steps. Files of the last steps come first, so that those in the cells of a large table leave none of the others without
room; earlier steps have what room is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from operator import itemgetter
from typing import Any

from runstore.errors import NotFound
from runstore.query.api import Api
from runstore.query.media.keys import media_steps
from runstore.query.stored.run import StoredRun
from runstore.web.asking import Asked
from runstore.web.export.earlier import MOST_STEPS, coarse_first
from runstore.web.export.files import MOST_BYTES, MOST_FILE_BYTES, Embedded
from runstore.web.export.tables import Rows
from runstore.web.jsontext import as_json
from runstore.web.media.folders import RunFolder
from runstore.web.media.overlays import Labels
from runstore.web.media.tableviews import Tables
from runstore.web.media.valueat import value_at
from runstore.web.media.views import view_of
from runstore.web.routes.histograms import histograms
from runstore.web.routes.media import keys
from runstore.web.site import Site

_MOST_RUNS = 16  # as many as media are shown of side by side
_MOST_DRAWN_BYTES = 8 << 20  # of histograms and charts
_MOST_EARLIER = 2_000  # values; each takes about a millisecond
# What has earlier steps: tables and charts take a while to make, and histograms have a heat map.
_SHOWN_AS_IT_IS = frozenset(("images", "audio", "video", "html", "object3d", "molecule"))
_LEFT_OUT = {
    "plotly": "figures of Plotly's, whose library has several megabytes",
    "other": "media of other types than these pages draw",
}


class Media:
    """Takes the media of runs in until the page is full; counts what it leaves out."""

    def __init__(self, site: Site, api: Api) -> None:
        self._site, self._api = site, api
        self.files = Embedded(site, api)
        self._tables = Tables(site)
        self._rows = Rows(self._tables, self.files)
        self._room = _MOST_DRAWN_BYTES
        self._not_drawn: Counter[str] = Counter()
        self._without_room = self._unseen_runs = self._unseen_steps = 0
        self._is_empty = True

    def of_runs(self, runs: Mapping[str, StoredRun]) -> dict[str, Any] | None:
        """Return what each run, by its reference, has under each key; None where there is nothing."""
        shown = dict(list(runs.items())[:_MOST_RUNS])
        found: Any = keys(self._api, Asked({}, {"refs": list(shown)}))
        if not found["keys"]:
            return None
        self._is_empty, self._unseen_runs = False, len(runs) - len(shown)
        data: dict[str, Any] = {"keys": {**found, "keys": []}, "values": {}, "heat": {}, "charts": {}, "tables": {}}
        refs = list(shown)
        for panel in found["keys"]:
            if self._takes(panel, {refs[place]: shown[refs[place]] for place in panel["runs"]}, data):
                data["keys"]["keys"].append(panel)
        for key, at in data["tables"].items():
            data["tables"][key] = {
                ref: {place: self._rows.of(self._api, shown[ref], key, place) for place in places}
                for ref, places in at.items()
            }
        data["earlier"] = self._earlier(shown, data["values"])
        return {**data, "files": self.files.found}

    def left_out(self) -> Iterator[str]:
        """Yield what of the media is not in the page."""
        for kind, count in sorted(self._not_drawn.items()):
            yield f"{_LEFT_OUT[kind]}: {_many(count, 'key')}"
        if self._without_room:
            yield f"{_many(self._without_room, 'key')} of histograms and charts, for which there was no room"
        if self.files.left_out:
            yield (
                f"{_many(self.files.left_out, 'media file')} not here, or above {MOST_FILE_BYTES >> 20} MiB, or"
                f" {MOST_BYTES >> 20} MiB with the others"
            )
        yield from self._rows.left_out()
        if self._unseen_runs:
            yield f"media of {_many(self._unseen_runs, 'run')} of the last, behind the first {_MOST_RUNS}"
        if not self._is_empty:
            yield "tables and plots of all but the last step, histograms of all but 150"
        if self._unseen_steps:
            yield (
                f"{_many(self._unseen_steps, 'earlier value')} of other media: of each key and run {MOST_STEPS} are"
                " here, spread over the run, as far as there is room"
            )

    def _takes(self, panel: Mapping[str, Any], runs: Mapping[str, StoredRun], data: dict[str, Any]) -> bool:
        """Take in what these runs have under one key; return whether there is anything to be shown."""
        key, kind = panel["key"], panel["kind"]
        if kind in _LEFT_OUT:
            self._not_drawn[kind] += 1
            return False
        if kind in ("chart", "histogram") and self._without_room:  # which take a while to make, and are about as large
            self._without_room += 1
            return False
        drawn: Any = {}
        if kind == "chart":
            drawn = {"charts": self._tables.chart(self._api, list(runs.items()), key)}
            data["tables"][key] = {ref: [None] for ref in runs}
        elif kind == "histogram":
            answer: Any = histograms(self._api, Asked({}, {"refs": list(runs), "key": key}))
            drawn = {"heat": answer["maps"]}
        if not self._has_room(drawn):
            data["tables"].pop(key, None)
            self._without_room += 1
            return False
        for name, one in drawn.items():
            data[name][key] = one
        if kind != "chart":
            data["values"][key] = {ref: self._value(run, key) for ref, run in runs.items()}
            tables = {ref: list(_tables_in(value)) for ref, value in data["values"][key].items()}
            if any(tables.values()):
                data["tables"][key] = tables
        return True

    def _has_room(self, drawn: object) -> bool:
        size = len(as_json(drawn))
        if size > self._room:
            return False
        self._room -= size
        return True

    def _earlier(self, runs: Mapping[str, StoredRun], last: Mapping[str, Any]) -> dict[str, dict[str, list[Any]]]:
        """Return what runs had before their `last` values, by key and run, in order; as much of it as there is room."""
        steps = {}
        for key, values in last.items():
            for ref, value in values.items():
                if value is not None and value["kind"] in _SHOWN_AS_IT_IS and value["step"] is not None:
                    every = media_steps(runs[ref].connection, runs[ref].place, key)
                    steps[key, ref] = every[every < value["step"]]
        found: dict[str, dict[str, list[Any]]] = {}
        for (key, ref), step in islice(coarse_first(steps), _MOST_EARLIER):
            at_step, view = self._view(runs[ref], key, step) or (None, None)
            if view is not None and (whole := self.files.whole_view(view)) is not None:
                found.setdefault(key, {}).setdefault(ref, []).append({"step": at_step, **whole})
        for by_run in found.values():
            for values in by_run.values():
                values.sort(key=itemgetter("step"))
        taken = sum(len(values) for by_run in found.values() for values in by_run.values())
        self._unseen_steps = sum(map(len, steps.values())) - taken
        return found

    def _value(self, run: StoredRun, key: str) -> dict[str, Any] | None:
        found = self._view(run, key, None)
        return None if found is None else {"step": found[0], **self.files.view(found[1])}

    def _view(self, run: StoredRun, key: str, step: int | None) -> tuple[int | None, dict[str, Any]] | None:
        """Return the value at a step, by default the last one, as pages draw it, and its step."""
        found = value_at(run, key, step)
        if found is None:
            return None
        try:
            return found.step, view_of(found.value, RunFolder(self._site, self._api, run), Labels(key, run.rawconfig))
        except NotFound:  # its logs are gone meanwhile
            return None


def _tables_in(value: Mapping[str, Any] | None) -> Iterator[int | None]:
    """Yield where in a value tables are: in a list by their places, else None."""
    if value is not None and value["kind"] == "table":
        yield None
    if value is not None and value["kind"] == "list":
        yield from (place for place, view in enumerate(value["views"]) if view["kind"] == "table")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"

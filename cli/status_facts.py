"""How far runs are, as `runstore status` prints it and the web pages show it: looked up, not drawn."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.errors import DaemonError, NotFound
from runstore.paths import default_root, home_folder, is_text

if TYPE_CHECKING:
    from runstore.index.indexer import Indexer
    from runstore.syncd.fanout import FanOut
    from runstore.syncd.standing import RunStanding


class Look:
    """A look at all runs, or at some, which can be repeated; the index stays open meanwhile."""

    def __init__(self, run: str | None = None) -> None:
        """Look at one run, at those at or below a path, or at all."""
        from runstore.index.indexer import Indexer

        self._run = run
        self._indexer = Indexer()
        self.is_one = run is not None and not Path(run).exists()

    def close(self) -> None:
        """Let the index go."""
        self._indexer.close()

    def facts(self, every_run: bool = True, *, is_caught_up: bool = False) -> dict[str, Any]:
        """Return what `status --json` prints; without `every_run`, of a look at many, only the runs that wait.

        Where somebody else brings the index up to date, it `is_caught_up`: then only receipts are looked at.
        """
        from runstore.syncd import standing
        from runstore.syncd.fanout import FanOut
        from runstore.syncd.standings import Standings, live_logs

        daemon = _daemon()
        errors = daemon.get("errors", {})
        if not is_caught_up:
            errors = _brought_up_to_date(self._indexer, daemon, self._places())
        self._indexer.enter_deliveries()
        fan_out = FanOut.load()
        found = Standings(self._indexer.connection, fan_out, dict(live_logs(daemon)))
        runs = self._wanted(found.logs)
        logs = [log for run in runs for log in run.logs]
        remotes = {remote["name"]: remote for remote in daemon.get("remotes", ())}
        held = standing.targets(logs)
        names = dict.fromkeys((*sorted(fan_out.policies), *held))
        mirrors = [] if self.is_one else _mirrors(fan_out, daemon)
        is_stuck = self._run is None and any(map(_is_stuck, mirrors))
        return {
            "is_settled": not errors and all(run.is_settled for run in runs) and not is_stuck,
            "daemon": _about(daemon),
            "totals": standing.totals(logs),
            "targets": [_target(name, held.get(name, standing.NOTHING), remotes.get(name, {})) for name in names],
            "mirrors": mirrors,
            "runs": [run.as_json(with_logs=self._run is not None) for run in runs if every_run or not run.is_settled],
            "errors": errors,
        }

    def _places(self) -> list[Path]:
        """Return the folders that are looked through besides those that are remembered."""
        asked_for = [] if self._run is None or self.is_one else [Path(self._run).resolve()]
        return [place for place in (default_root().resolve(), *asked_for) if place.exists() and is_text(place)]

    def _wanted(self, logs: Callable[..., Any]) -> list[RunStanding]:
        from runstore.syncd.standing import by_run
        from runstore.syncd.standings import below

        if self._run is None:
            return by_run(logs())
        if not self.is_one:
            runs = by_run(logs(below([Path(self._run)])))
            if not runs:
                raise NotFound(f"{self._run}: there is no run log at or below it")
            return runs
        from runstore.query.api import Api

        with contextlib.closing(Api(refresh=False)) as api:
            name = "/".join(api.run(self._run).path)
        return by_run(logs(run=name))


def standings(unreadable: Callable[[], Mapping[str, str]] = dict) -> dict[str, Any]:
    """Return what `status --json` prints, of an index that is kept up to date by somebody else; for any thread.

    `unreadable` tells which files that one could not read, by their paths, and why.
    """
    with contextlib.closing(Look()) as look:
        facts = look.facts(is_caught_up=True)
    errors = {**facts["errors"], **unreadable()}
    return {**facts, "errors": errors, "is_settled": facts["is_settled"] and not errors}


def _daemon() -> dict[str, Any]:
    """Return what the daemon says of itself and of the logs that it is at; only `note` where none can be asked."""
    from runstore.syncd.control import ask

    try:
        return ask(home_folder(), "status", logs="unsettled")
    except DaemonError as error:
        return {"note": str(error)}


def _brought_up_to_date(indexer: Indexer, daemon: dict[str, Any], places: list[Path]) -> dict[str, str]:
    """Let the index know of all that the daemon does not see to; return what can't be read, and why."""
    errors: dict[str, str] = daemon.get("errors", {})
    if "pid" not in daemon:
        failed = indexer.catch_up_known(*places)
        errors = {str(path): str(error) for path, error in failed.items() if not isinstance(error, NotFound)}
    else:
        for place in places:
            if not any(place.is_relative_to(root) for root in daemon["watching"]):
                indexer.catch_up_below(place)
    return errors


def _about(daemon: dict[str, Any]) -> dict[str, Any]:
    from runstore.core.times import iso

    if "pid" not in daemon:
        return {"pid": None, "started_at": None, "watching": [], "note": daemon["note"]}
    return {
        "pid": daemon["pid"],
        "started_at": iso(daemon["started_at"]),
        "watching": daemon["watching"],
        "note": "; ".join([*daemon.get("problems", ()), *_troubles(daemon.get("roots", ()))]),
    }


def _troubles(roots: Any) -> Iterator[str]:
    for root in roots:
        if root["problem"]:
            yield f"{root['path']}: {root['problem']}"


def _mirrors(fan_out: FanOut, daemon: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what came from folders of bundles, and what did not, and what the daemon is at with them."""
    from runstore.core.times import iso

    if not fan_out.configuration.mirrors:
        return []
    from runstore.syncd.bundles.arrivals import facts_of

    live = {mirror["folder"]: mirror for mirror in daemon.get("mirrors", ())}
    found = []
    for mirror in fan_out.configuration.mirrors:
        known = facts_of(mirror)
        now = live.get(str(mirror.folder), {})
        found.append(
            {
                "folder": str(mirror.folder),
                "into": mirror.place,
                "state": now.get("state"),
                "last_error": now.get("last_error", ""),
                "retry_in": now.get("retry_in"),
                **known,
                "last_at": known["last_at"] and iso(known["last_at"]),
            }
        )
    return found


def _is_stuck(mirror: dict[str, Any]) -> bool:
    """Whether something that came is not where it goes; a folder that is not mounted is no reason to wait."""
    return bool(mirror["waiting"] or mirror["refused"])


def _target(name: str, held: dict[str, Any], remote: dict[str, Any]) -> dict[str, Any]:
    """Return how a target is: what it holds by its proofs, and what the daemon is at with it."""
    return {
        "name": name,
        **held,
        "state": remote.get("state"),
        "last_error": remote.get("last_error") or held["last_error"],
        "retry_in": remote.get("retry_in"),
    }

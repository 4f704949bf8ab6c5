"""What `runstore status` shows a person."""

from __future__ import annotations

from typing import Any

import pytest

from runstore.cli.status_drawing import overview, story


def amounts(durable: int, indexed: int | None = None) -> dict[str, Any]:
    got = durable if indexed is None else indexed
    return {
        "durable_bytes": durable * 100,
        "durable_records": durable,
        "indexed_bytes": got * 100,
        "indexed_records": got,
    }


def target(state: str = "delivered", records: int = 10, **other: Any) -> dict[str, Any]:
    known = {
        "name": "lab",
        "state": state,
        "delivered_bytes": records * 100,
        "delivered_records": records,
        "verified_at": "2025-01-02T03:04:05.000Z",
        "files_delivered": 2,
        "files_left": 0,
        "lost_bytes": 0,
        "error": "",
        "retry_at": None,
        "bundle": None,
    }
    return {**known, **other}


def a_run(name: str, *targets: dict[str, Any], settled: bool = False, durable: int = 10) -> dict[str, Any]:
    log = {"path": f"/w/{name}.wandb", **amounts(durable), "error": "", "targets": list(targets)}
    return {
        "run": name,
        "is_settled": settled,
        **amounts(durable),
        "error": "",
        "targets": list(targets),
        "logs": [log],
    }


def facts(*runs: dict[str, Any], **other: Any) -> dict[str, Any]:
    counts = {"logs": len(runs), "logs_delivered": 0, "logs_one_way": 0, "logs_failed": 0}
    lab = {**counts, "last_error": "", "retry_in": None}
    known = {
        "is_settled": False,
        "daemon": {"pid": None, "started_at": None, "watching": [], "note": "no daemon runs; start one"},
        "totals": {"runs": len(runs), "logs": len(runs), "logs_settled": 0, **amounts(10 * len(runs))},
        "targets": [{**target("idle"), **lab}],
        "mirrors": [],
        "runs": list(runs),
        "errors": {},
    }
    return {**known, **other}


def test_no_runs_and_no_remotes_say_what_to_do() -> None:
    shown = overview(facts(targets=[]))
    assert "there are no runs" in shown
    assert "no daemon runs; start one" in shown
    assert "runstore remote add" in shown


def test_runs_that_wait_are_listed_and_others_counted() -> None:
    shown = overview(facts(a_run("p/b", target("sending", 4)), a_run("p/a", target(), settled=True)))
    assert "p/b" in shown
    assert "sending, 40 %" in shown
    assert "p/a" not in shown
    assert shown.splitlines()[-1] == "1 more run, indexed and delivered to where they go"
    assert "p/a" in overview(facts(a_run("p/a", target(), settled=True)), with_all=True)


def test_where_nothing_waits_that_is_all_it_says() -> None:
    shown = overview(facts(a_run("p/a", target(), settled=True)))
    assert shown.splitlines()[-1] == "nothing waits: 1 run, indexed and delivered to where they go"


STATES = [
    (target("ahead", lost_bytes=1234), "delivered; 1,234 bytes of logs that are not here any more"),
    (target("files", files_left=3), "records delivered, 3 files left"),
    (target("files", files_left=-1), "records delivered, files to come"),
    (target("waiting", 0), "waiting\n"),
    (target("retrying", 9), "retrying, 90 %"),
    (target("retrying", 10), "retrying, 99 %"),  # not all of it, whatever the records say
]


@pytest.mark.parametrize(("at", "words"), STATES)
def test_each_state_is_said_in_words(at: dict[str, Any], words: str) -> None:
    assert words in overview(facts(a_run("p/a", at))) + "\n"


def test_errors_are_whole_sentences_below_the_targets() -> None:
    broken = {
        **target("waiting"),
        "logs": 1,
        "logs_delivered": 0,
        "logs_one_way": 0,
        "last_error": "no answer\x1b[31m",
        "retry_in": 12.3,
    }
    shown = overview(facts(a_run("p/a", target("queued")), targets=[broken], errors={"/x": "/x: is no log"}))
    assert "! lab: no answer [31m (tried again in 12 s)" in shown
    assert "! /x: is no log" in shown


def test_a_screen_holds_no_more_than_its_lines() -> None:
    many = facts(*(a_run(f"p/{n}", target("queued")) for n in range(1000)))
    assert len(overview(many, rows=24).splitlines()) <= 24
    assert "and 980 more (--all lists every run)" in overview(many)
    assert len(overview(many, with_all=True).splitlines()) > 1000


def test_one_run_is_told_log_by_log() -> None:
    at = target("failed", 4, error="holds other bytes", retry_at="2025-01-02T03:05:00.000Z", files_left=-1)
    shown = story(facts(a_run("p/a", at)))
    assert "log:      /w/p/a.wandb" in shown
    assert "lab:      failed: 4 records, 400 B, proven 2025-01-02 03:04:05 UTC; 2 files, to be looked for" in shown
    assert "holds other bytes; tried again 2025-01-02 03:05:00 UTC" in shown
    assert "goes to no target" in story(facts(a_run("p/a")))


def test_records_that_are_too_many_to_count_are_not_guessed() -> None:
    run = {**a_run("p/a", target("waiting")), "durable_records": None, "durable_bytes": 10**9}
    assert "more records, 1.0 GB" in overview(facts(run))


def test_what_goes_one_way_is_never_called_delivered() -> None:
    at = target("written one way", 0, verified_at=None, bundle="97cf1f1f1b4a0000")
    out = {**at, "logs": 2, "logs_delivered": 0, "logs_one_way": 2, "last_error": "", "retry_in": None}
    shown = overview(facts(a_run("p/a", at, settled=True), targets=[out]))
    assert shown.splitlines()[-1].endswith("of 2 logs, written one way, nobody knows whether they arrived")
    assert "in bundle 97cf1f1f1b4a, no receipt is expected" in story(facts(a_run("p/a", at)))
    awaited = target("waiting for a receipt", 0, bundle="97cf1f1f1b4a0000")
    assert "in bundle 97cf1f1f1b4a" in story(facts(a_run("p/a", awaited)))


def test_what_came_in_bundles_is_told_and_what_was_refused_and_why() -> None:
    mirror = {
        "folder": "/in",
        "into": "/runs",
        "state": "waiting",
        "last_error": "/in: is not there",
        "retry_in": 3.0,
        "bundles": 2,
        "new_bytes": 12_000,
        "new_files": 3,
        "last_at": "2026-01-02T03:04:05.000Z",
        "waiting": {"p/r1": "other parts of this bundle"},
        "refused": {"a.tar.zst": "/in/a.tar.zst: was cut off"} | {f"p/{n}": "differs" for n in range(9)},
    }
    lines = overview(facts(mirrors=[mirror])).splitlines()
    assert any(
        line.split() == ["/in", "/runs", "waiting", "2", "12.0", "kB", "3", "2026-01-02", "03:04:05"] for line in lines
    )
    assert "! /in: is not there (tried again in 3 s)" in lines
    assert "! /in/a.tar.zst: was cut off" in lines
    assert "! p/0: differs" in lines
    assert "! and 6 more; see runstore status --json" in lines

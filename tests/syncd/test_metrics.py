"""The daemon's figures, as Prometheus reads them."""

from __future__ import annotations

import re
from typing import Any

from runstore.syncd import metrics

STATUS: dict[str, Any] = {
    "started_at": 1735787045.5,
    "totals": {"logs": 3, "live": 1, "unsettled": 2, "indexed_bytes": 10**12, "indexed_records": 7},
    "errors": {"/a": "can't be read"},
    "roots": [{"path": '/a "b"\n\\c', "how": "polling", "problem": ""}],
    "rescued": {"kept": 2, "lost": 1},
    "remotes": [
        {"name": "lab", "state": "paused", "logs_waiting": 2, "logs_failed": 1, "bytes_sent": 5, "records": 4},
        {"name": "far", "state": "idle", "logs_waiting": 0, "logs_failed": 0, "bytes_sent": 0, "records": 0},
    ],
}
_LINE = re.compile(r'[a-z_]+(\{([a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? -?[0-9][0-9.e+]*')


def test_every_line_is_in_the_format() -> None:
    text = metrics.text(STATUS)
    assert text.endswith("\n")
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or _LINE.fullmatch(line), line


def test_each_family_is_described_once_before_its_samples() -> None:
    seen: list[str] = []
    for line in metrics.text(STATUS).splitlines():
        words = line.split()
        if line.startswith("# TYPE"):
            seen.append(words[2])
            assert words[3] == ("counter" if words[2].endswith("_total") else "gauge")
        elif not line.startswith("#"):
            assert re.match(r"[a-z_]+", line)[0] == seen[-1]  # type: ignore[index]
    assert len(seen) == len(set(seen))


def test_figures_are_those_of_the_status() -> None:
    lines = metrics.text(STATUS).splitlines()
    assert "runstore_logs 3" in lines
    assert "runstore_indexed_bytes 1000000000000" in lines
    assert "runstore_started_at_seconds 1735787045.5" in lines
    assert 'runstore_target_waiting_logs{target="lab"} 2' in lines
    assert 'runstore_target_state{target="lab",state="paused"} 1' in lines
    assert 'runstore_target_state{target="lab",state="idle"} 0' in lines
    assert 'runstore_rescued_files{outcome="lost"} 1' in lines


def test_names_are_escaped() -> None:
    assert r'runstore_folder_watched{path="/a \"b\"\n\\c",how="polling"} 1' in metrics.text(STATUS).splitlines()


def test_a_daemon_without_targets_has_figures_too() -> None:
    text = metrics.text({**STATUS, "remotes": [], "roots": [], "rescued": {}})
    assert "runstore_logs 3" in text
    assert "runstore_target" not in text

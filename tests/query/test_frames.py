"""History as Arrow tables, data frames and arrays."""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest

from runstore.errors import UsageError
from runstore.query.api import Api
from runstore.query.points.frames import Frame
from runstore.query.stored.run import StoredRun
from tests.index.writing import ODD_VALUES, header, log_path, mixed_bodies, plain_rows, row, run, write, write_log


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    opened = Api()
    yield opened
    opened.close()


def logged(api: Api, folder: Path, rows: dict[int, dict[Any, Any]]) -> StoredRun:
    """Return a run with these rows by step."""
    write_log(folder, [row(step, values) for step, values in rows.items()])
    api.refresh()
    return api.run("r1")


@pytest.fixture
def mixed(api: Api, tmp_path: Path) -> StoredRun:
    """A run with numbers that are missing here and there, NaN among them, and what is no number."""
    return logged(
        api,
        tmp_path,
        {
            0: {"loss": 1.5, "epoch": 0, "note": "é", "ok": True, "big": 2**62 + 1},
            1: {"loss": math.nan, ("val", "acc"): 0.25},
            5: {"loss": 3, "epoch": 1, "note": "b", "odd": [1, math.inf], "big": 7},
            6: {"ok": False, "odd": "text"},
        },
    )


KEYS = ["loss", "epoch", "note", "ok", "val.acc", "odd"]
ODD = ['[1, "Infinity"]', '"text"']


def test_arrow_has_a_row_a_step_with_nulls_for_what_is_missing(mixed: StoredRun) -> None:
    table = mixed.frame(KEYS).arrow()
    loss = table.column("loss").to_pylist()
    assert loss[0] == 1.5
    assert math.isnan(loss[1])
    assert loss[2:] == [3.0, None]
    assert table.column("_step").to_pylist() == [0, 1, 5, 6]
    assert table.column("epoch").to_pylist() == [0, None, 1, None]
    assert table.column("note").to_pylist() == ["é", None, "b", None]
    assert table.column("ok").to_pylist() == [True, None, None, False]
    assert table.column("val.acc").to_pylist() == [None, 0.25, None, None]
    assert table.column("odd").to_pylist() == [None, None, *ODD]
    assert [str(table.schema.field(key).type) for key in KEYS] == [
        "double",
        "int64",
        "string",
        "bool",
        "double",
        "string",
    ]


def test_pandas_keeps_integers_beside_what_is_missing(mixed: StoredRun) -> None:
    frame = mixed.frame([*KEYS, "big"]).pandas()
    assert list(frame.columns) == ["_step", *KEYS, "big"]
    assert [str(frame[key].dtype) for key in ("_step", "loss", "epoch", "ok")] == [
        "int64",
        "float64",
        "Int64",
        "boolean",
    ]
    assert frame["epoch"].tolist()[0::2] == [0, 1]
    assert frame["epoch"].isna().tolist() == [False, True, False, True]
    assert frame["loss"].isna().tolist() == [False, True, False, True]
    assert frame["note"][0] == "é"
    assert frame["big"][0] == 2**62 + 1


def test_polars_tells_nan_from_what_is_missing(mixed: StoredRun) -> None:
    frame = mixed.frame(KEYS).polars()
    assert frame["loss"].is_null().to_list() == [False, False, False, True]
    assert frame["loss"].is_nan().to_list()[1] is True
    assert frame["epoch"].to_list() == [0, None, 1, None]
    assert frame["ok"].to_list() == [True, None, None, False]
    assert frame["note"].to_list() == ["é", None, "b", None]
    assert frame["odd"].to_list() == [None, None, *ODD]


def test_numpy_has_the_numbers_alone(mixed: StoredRun) -> None:
    arrays = mixed.frame(KEYS).numpy()
    assert sorted(arrays) == ["_step", "epoch", "loss", "val.acc"]
    assert arrays["_step"].dtype == np.int64
    np.testing.assert_array_equal(arrays["epoch"], [0, math.nan, 1, math.nan])


def test_all_metrics_are_there_by_default_those_of_runstore_last(mixed: StoredRun) -> None:
    names = list(mixed.frame().columns)
    assert names == ["big", "epoch", "loss", "note", "odd", "ok", "val.acc", "_runtime", "_timestamp"]
    assert mixed.frame(["loss"]).arrow().num_rows == 3


def test_a_window_of_steps_begins_with_the_first_and_ends_before_the_last(mixed: StoredRun) -> None:
    assert mixed.frame(min_step=1, max_step=6).steps.tolist() == [1, 5]
    assert mixed.frame(["odd"], max_step=6).arrow().to_pylist() == [{"_step": 5, "odd": ODD[0]}]


def test_a_metric_that_was_never_logged_is_all_missing(mixed: StoredRun) -> None:
    frame = mixed.frame(["loss", "nothing"])
    assert frame.arrow().column("nothing").null_count == len(frame) == 3
    assert len(mixed.frame(["nothing"]).pandas()) == 0
    assert mixed.frame(["nothing"]).polars().height == 0


def test_rows_that_a_rewind_set_back_are_not_in_the_frame(api: Api, tmp_path: Path) -> None:
    write_log(tmp_path, plain_rows(range(100), ("loss",)), "a")
    again = [row(step, {"loss": 7}) for step in range(50, 60)]
    write_log(tmp_path, again, "b", kind="rewind", started=2000.0, starting_step=50)
    api.refresh()
    found = api.run("r1")
    table = found.frame(["loss"]).arrow()
    assert table.to_pylist() == list(found.scan_history(["loss"]))
    assert table.num_rows == 60


def test_every_odd_value_comes_through_as_something(api: Api, tmp_path: Path) -> None:
    found = logged(api, tmp_path, {step: {"odd": value} for step, value in enumerate(ODD_VALUES)})
    frame = found.frame(["odd"])
    texts = frame.arrow().column("odd").to_pylist()
    assert len(texts) == len([value for value in ODD_VALUES if value is not None])
    assert all(json.loads(text) is not None for text in texts)
    assert frame.polars().height == len(frame.pandas()) == len(texts)


def test_integers_beyond_64_bits_are_floats(api: Api, tmp_path: Path) -> None:
    found = logged(api, tmp_path, {0: {"n": 2**70}, 1: {"n": 3}})
    assert found.frame(["n"]).numpy()["n"].tolist() == [2.0**70, 3.0]


def test_a_long_series_costs_no_python_object_a_point(api: Api, tmp_path: Path) -> None:
    write(log_path(tmp_path), [header(), run(), *plain_rows(range(50_000))])
    api.refresh()
    frame = api.run("r1").frame(["loss", "acc"])
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    table = frame.arrow()
    sys.setprofile(None)
    assert table.num_rows == 50_000
    assert calls < 5_000


@pytest.mark.parametrize("name", ["pyarrow", "pandas", "polars"])
def test_a_missing_library_says_what_to_install(mixed: StoredRun, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    way = {"pyarrow": Frame.arrow, "pandas": Frame.pandas, "polars": Frame.polars}[name]
    with pytest.raises(UsageError, match=rf"{name}, which is not installed: pip install 'runstore\[\w+\]'"):
        way(mixed.frame())


def test_nothing_of_the_libraries_is_imported_before_the_call() -> None:
    assert pyarrow.__name__ in sys.modules  # the test did; a process of its own does not
    import subprocess

    script = "import sys, runstore.query.points.frames as _; print({'pyarrow', 'pandas', 'polars'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("seed", range(5))
def test_a_window_of_random_logs_is_cut_out_of_the_whole(api: Api, tmp_path: Path, seed: int) -> None:
    source = random.Random(seed)
    for place in range(3):  # chunks out of order, lifted behind each other, set back: all may be left unread, or not
        kind = source.choice(["", "start", "rank", "resume"])
        bodies = list(mixed_bodies(100 * seed + place, 600))
        begin = [header(kind, 1000.0 + place, 300 * place)] if kind else []
        write(log_path(tmp_path, str(place)), [*begin, run(), *bodies])
    api.refresh()
    found = api.run("r1")
    whole = {row["_step"]: row for row in found.frame(["k0", "k1"]).arrow().to_pylist()}
    low, high = sorted(source.sample(range(-2, 900), 2))
    cut = found.frame(["k0", "k1"], low, high).arrow().to_pylist()
    assert repr(cut) == repr([row for step, row in whole.items() if low <= step < high])
    points = found.frame(["k0"]).columns["k0"]
    assert points.count >= found.frame(["k0"], low, high).columns["k0"].count

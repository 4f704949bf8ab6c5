"""Tables: what a run's file and its artifact hold of them, the types that are found, and what may be done to them."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runstore.errors import Error
from runstore.runlog.record_pb2 import ArtifactRecord
from runstore.sdk.artifacts.artifact import Artifact
from runstore.sdk.media.base import ArtifactFolder, Media
from runstore.sdk.media.table import Table
from tests.sdk import reading
from tests.sdk.reading import begin

NONE, STRING, NUMBER, BOOLEAN, TIME = (
    {"wb_type": name} for name in ("none", "string", "number", "boolean", "timestamp")
)


def union(*members: dict[str, Any]) -> dict[str, Any]:
    return {"wb_type": "union", "params": {"allowed_types": list(members)}}


def list_of(element: dict[str, Any], length: int) -> dict[str, Any]:
    return {"wb_type": "list", "params": {"element_type": element, "length": length}}


def typed(table: Table) -> dict[str, Any]:
    """Return the JSON of a table in an artifact."""
    artifact = Artifact("a", "t")
    path = artifact.add(table, "table").local_path
    assert path is not None
    found: dict[str, Any] = json.loads(Path(path).read_text())
    return found


def types(table: Table) -> dict[str, Any]:
    found: dict[str, Any] = typed(table)["column_types"]["params"]["type_map"]
    return found


def artifacts(folder: Path) -> list[ArtifactRecord]:
    log = reading.only_log(folder)
    return [record.artifact for record in reading.records(log) if record.HasField("artifact")]


def held(artifact: ArtifactRecord, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(artifact.manifest.contents[number].local_path).read_text())
    return found


def row(folder: Path, step: int, key: str) -> dict[str, Any]:
    """Return what a row has under `key`."""
    found = dict(reading.rows(reading.only_log(folder)))[step]
    return {path[1]: value for path, value in found.items() if path[0] == key}


def file(run: Any, path: str) -> str:
    return (Path(run.dir) / path).read_text()


class Picture(Media):
    """Media with one file, as others are."""

    log_type = "picture-file"

    def in_artifact(self, artifact: ArtifactFolder) -> dict[str, Any]:
        artifact.put_media(b"pixels", "media/pictures/x.png")
        return {"_type": self.log_type, "path": "media/pictures/x.png"}


def test_a_logged_table_is_a_file_an_artifact_and_a_row_that_names_both(folder: Path) -> None:
    run = begin(id="tables")
    run.log({"t": Table(columns=["a", "b"], data=[[1, "x"], [2.5, None]])})
    said = row(folder, 0, "t")
    assert file(run, said["path"]) == '{"columns":["a","b"],"data":[[1,"x"],[2.5,null]]}'
    assert said["path"] == f"media/table/t_0_{said['sha256'][:20]}.table.json"
    assert (said["_type"], said["ncols"], said["nrows"], said["log_mode"]) == ("table-file", 2, 2, "IMMUTABLE")
    (artifact,) = artifacts(folder)
    assert (artifact.type, artifact.name, list(artifact.aliases)) == ("run_table", "run-tables-t", ["latest"])
    assert said["artifact_path"] == f"wandb-client-artifact://{artifact.client_id}/t.table.json"
    assert said["_latest_artifact_path"] == f"wandb-client-artifact://{artifact.sequence_client_id}:latest/t.table.json"
    assert held(artifact) == {
        "_type": "table",
        "columns": ["a", "b"],
        "data": [[1, "x"], [2.5, None]],
        "ncols": 2,
        "nrows": 2,
        "log_mode": "IMMUTABLE",
        "column_types": {
            "wb_type": "typedDict",
            "params": {"type_map": {"a": union(NONE, NUMBER), "b": union(NONE, STRING)}},
        },
    }


def test_media_are_named_in_the_run_and_held_by_the_artifact(folder: Path) -> None:
    run = begin()
    run.log({"t": Table(columns=["p"], data=[[Picture()], [Picture()]])})
    assert file(run, row(folder, 0, "t")["path"]) == '{"columns":["p"],"data":[["Picture"],["Picture"]]}'
    (artifact,) = artifacts(folder)
    assert [entry.path for entry in artifact.manifest.contents] == ["media/pictures/x.png", "t.table.json"]
    cell = {"_type": "picture-file", "path": "media/pictures/x.png"}
    assert held(artifact, 1)["data"] == [[cell], [cell]]


def test_names_of_keys_become_names_of_artifacts(folder: Path) -> None:
    run = begin(id="r")
    run.log({"tab/le 1": Table(columns=["a"]), "nested": {"k": Table(columns=["a"])}, "../out": Table(columns=["a"])})
    found = {artifact.name: artifact.manifest.contents[0].path for artifact in artifacts(folder)}
    assert list(found.values()) == ["tab/le 1.table.json", "k.table.json", "__/out.table.json"]
    assert all(set(name) <= set("-_.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for name in found)
    assert "run-r-k" in found
    assert Path(run.dir, row_path(folder, ("nested", "k"))).exists()


def row_path(folder: Path, keys: tuple[str, ...]) -> str:
    found = dict(reading.rows(reading.only_log(folder)))[0]
    whole = (*keys, "path")
    return str(found[whole])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2.5, np.int64(3), np.float32(0.5)], union(NONE, NUMBER)),
        (["a", None], union(NONE, STRING)),
        ([True, np.bool_(False)], union(BOOLEAN, NONE)),
        ([1, float("nan")], union(NONE, NUMBER)),
        ([None], union(NONE, {"wb_type": "unknown"})),
        ([datetime.datetime(2020, 1, 1), datetime.date(2020, 1, 1), np.datetime64("2020-01-01")], union(NONE, TIME)),
        ([[1, 2], [3]], union(NONE, list_of(NUMBER, 1))),
        ([(1, None)], union(NONE, list_of(union(NONE, NUMBER), 2))),
        ([[1, "2"]], union(list_of({"wb_type": "invalid"}, 2), NONE)),
        ([{"x": 1}], union(NONE, {"wb_type": "typedDict", "params": {"type_map": {"x": NUMBER}}})),
        ([b"x"], union(NONE, {"wb_type": "pythonObject", "params": {"class_name": "bytes"}})),
        ([Picture()], union(NONE, {"wb_type": "pythonObject", "params": {"class_name": "Picture"}})),
    ],
)
def test_types_are_found_from_the_values(values: list[Any], kind: dict[str, Any]) -> None:
    assert types(Table(columns=["a"], data=[[value] for value in values])) == {"a": kind}


def test_types_can_be_given() -> None:
    table = Table(
        columns=["a", "b", "c"], data=[[1, "x", [1]]], dtype=[int, str, [float]], optional=[False, True, False]
    )
    assert types(table) == {"a": NUMBER, "b": union(NONE, STRING), "c": list_of(NUMBER, 1)}
    constant = {"wb_type": "const", "params": {"val": 7, "is_set": False}}
    assert types(Table(columns=["a"], data=[[7]], dtype=7, optional=False)) == {"a": constant}
    assert types(Table(columns=["a"], data=[["x"]], dtype=[[int, str]], optional=False)) == {"a": union(NUMBER, STRING)}


def test_any_value_goes_into_a_column_of_mixed_types() -> None:
    table = Table(columns=["a"], data=[[1], ["x"], [None], [[1]]], allow_mixed_types=True)
    assert types(table) == {"a": union({"wb_type": "any"}, NONE)}


@pytest.mark.parametrize(
    ("first", "wrong"),
    [(1, "x"), ("x", 1), (1, True), ([1], ["x"]), ({"x": 1}, {"x": "1"}), ({"x": 1}, {"x": 1, "y": 2})],
)
def test_a_value_that_does_not_fit_is_refused_and_the_table_stays(first: Any, wrong: Any) -> None:
    table = Table(columns=["id", "a"], data=[[1, first]])
    with pytest.raises(TypeError, match="column 'a'"):
        table.add_data(2, wrong)
    assert table.data == [[1, first]]
    table.add_data(2, first)


def test_what_is_missing_is_refused_where_it_may_not_be() -> None:
    table = Table(columns=["a"], data=[[1]], optional=False)
    for missing in (None, float("nan")):
        with pytest.raises(TypeError, match="column 'a'"):
            table.add_data(missing)


def test_cells_of_an_artifact_are_made_of_json() -> None:
    moment = datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
    values = [moment, datetime.date(1970, 1, 2), {1, 2}, b"bytes", object, np.float32(0.5), float("nan"), {"a": (1,)}]
    table = Table(columns=list("abcdefgh"), data=[values])
    assert typed(table)["data"] == [
        [1_577_876_400_000, 86_400_000, [1, 2], "bytes", "builtins.object", 0.5, None, {"a": [1]}]
    ]


def test_small_vectors_stay_in_the_table_and_larger_arrays_get_a_file(folder: Path) -> None:
    run = begin()
    table = Table(columns=["vector", "matrix"])
    for number in range(2):
        table.add_data(np.arange(3), np.full((2, 2), number))
    run.log({"t": table})
    (artifact,) = artifacts(folder)
    arrays, _ = artifact.manifest.contents
    found = held(artifact, 1)
    assert found["data"] == [[[0, 1, 2], None]] * 2
    where = {"path": arrays.path, "key": "matrix"}
    kinds = found["column_types"]["params"]["type_map"]
    assert kinds["vector"] == list_of(NUMBER, 3)
    assert kinds["matrix"] == union(
        {"wb_type": "ndarray", "params": {"shape": [2, 2], "serialization_path": where}}, NONE
    )
    with np.load(io.BytesIO(Path(arrays.local_path).read_bytes())) as loaded:
        assert loaded["matrix"].tolist() == [[[0, 0], [0, 0]], [[1, 1], [1, 1]]]
    assert file(run, row(folder, 0, "t")["path"]).endswith("[[0,1,2],[[1,1],[1,1]]]]}")


def test_data_may_come_as_rows_arrays_and_frames() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.to_datetime(["2020-01-01", "2021-01-01"])})
    for table in (Table(dataframe=frame), Table(data=frame)):
        assert table.columns == ["a", "b", "c"]
        assert types(table) == {"a": union(NONE, NUMBER), "b": union(NONE, STRING), "c": union(NONE, TIME)}
    assert Table(columns=["a", "b"], data=np.arange(4).reshape(2, 2)).get_column("b") == [1, 3]
    assert Table(columns=["a"], rows=[["old"]]).data == [["old"]]
    assert Table(data=[["a", "b", "c"]]).columns == ["Input", "Output", "Expected"]
    assert typed(Table(columns=[1, 2], data=[[1, 2]]))["columns"] == [1, 2]


def test_numbers_of_numpy_that_a_column_took_make_it_take_nothing_else() -> None:
    table = Table(columns=["a", "b"], data=np.array([[1.0, np.nan], [2.0, 3.0]]), optional=[True, False])
    assert types(table) == {"a": union(NONE, NUMBER), "b": NUMBER}
    for wrong in (np.bool_(True), np.str_("x"), np.datetime64("2020-01-01")):
        with pytest.raises(TypeError, match="column 'b'"):
            table.add_data(np.float64(1), wrong)
    assert len(table.data) == 2


def test_a_frame_that_is_logged_is_a_table(folder: Path) -> None:
    begin().log({"frame": pd.DataFrame({"a": [1.5, 2]})})
    assert row(folder, 0, "frame")["_type"] == "table-file"


def test_columns_are_added_and_computed() -> None:
    table = Table(columns=["a"], data=[[1], [2]])
    table.add_column("b", ["x", "y"])
    table.add_column("c", np.array([0.5, 1.5]))
    table.add_computed_columns(lambda number, row: {"d": row["a"] * 10 + number})
    assert table.data == [[1, "x", 0.5, 10], [2, "y", 1.5, 21]]
    assert types(table)["d"] == NUMBER
    with pytest.raises(ValueError, match="2 values"):
        table.add_column("e", [1])
    with pytest.raises(ValueError, match="'a'"):
        table.add_column("a", [1, 2])
    with pytest.raises(TypeError, match="column 'e'"):
        table.add_column("e", [1, None])
    assert table.columns == ["a", "b", "c", "d"]
    table.add_column("e", [1, None], optional=True)
    empty = Table(columns=[])
    empty.add_column("first", [1, 2, 3])
    assert empty.data == [[1], [2], [3]]


def test_a_table_is_read_back() -> None:
    table = Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])
    assert table.get_column("a") == [1, 2]
    assert table.get_column("a", convert_to="numpy").tolist() == [1, 2]
    assert table.get_dataframe().to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
    assert [(int(number), row) for number, row in table.iterrows()] == [(0, [1, "x"]), (1, [2, "y"])]
    assert table.index_ref(1).get_row() == {"a": 2, "b": "y"}
    assert table == Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])
    assert table != Table(columns=["a", "b"], data=[[1, "x"], [2, "z"]])
    arrays = [Table(columns=["a"], data=[[np.arange(2)]]) for _ in range(2)]
    assert arrays[0] == arrays[1]
    with pytest.raises(ValueError, match="'c'"):
        table.get_column("c")


@pytest.mark.parametrize(
    "arguments",
    [
        {"columns": "ab"},
        {"columns": [1.5]},
        {"columns": ["a"], "data": [[1, 2]]},
        {"columns": ["a"], "data": "text"},
        {"columns": ["a"], "data": {"a": [1]}},
        {"columns": ["a"], "dataframe": [[1]]},
        {"columns": ["a"], "log_mode": "SOMETIMES"},
    ],
)
def test_tables_that_can_not_be(arguments: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Table(**arguments)


def test_an_immutable_table_is_logged_as_it_was_first(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = begin()
    table = Table(columns=["a"], data=[[1]])
    run.log({"t": table})
    table.add_data(2)
    run.log({"t": table})
    assert len(artifacts(folder)) == 1
    assert row(folder, 1, "t")["path"] == row(folder, 0, "t")["path"]
    assert "log_mode='MUTABLE'" in capfd.readouterr().err


def test_a_mutable_table_is_logged_anew_after_each_change(folder: Path) -> None:
    run = begin(id="r")
    table = Table(columns=["a"], data=[[1]], log_mode="MUTABLE")
    run.log({"t": table})
    run.log({"t": table})
    table.add_data(2)
    run.log({"t": table})
    first, second = artifacts(folder)
    assert first.name == second.name == "run-r-t"
    assert held(second)["data"] == [[1], [2]]
    assert second.client_id in row(folder, 2, "t")["artifact_path"]


def test_an_incremental_table_is_logged_in_parts(folder: Path) -> None:
    run = begin(id="r")
    table = Table(columns=["a"], data=[[1]], log_mode="INCREMENTAL")
    run.log({"t": table})
    table.add_data(2)
    table.add_data(3)
    run.log({"t": table})
    run.log({"t": table})
    first, second = artifacts(folder)
    assert (first.type, first.name) == ("wandb-run-incremental-table", "run-r-incr-t")
    assert first.incremental_beta1
    assert held(second)["data"] == [[2], [3]]
    before, after = row(folder, 0, "t"), row(folder, 1, "t")
    assert before["_type"] == "incremental-table-file"
    assert (before["increment_num"], before["previous_increments_paths"], before["nrows"]) == (0, [], 1)
    assert (after["increment_num"], after["nrows"]) == (1, 3)
    assert after["previous_increments_paths"] == [before["artifact_path"]]
    assert file(run, after["path"]) == '{"columns":["a"],"data":[[2],[3]]}'
    assert row(folder, 2, "t") == after
    with pytest.raises(Error, match="INCREMENTAL"):
        table.add_column("b", [1, 2, 3])


def test_increments_go_on_in_a_resumed_run(folder: Path) -> None:
    with begin(id="r", resume="allow") as run:
        run.log({"t": Table(columns=["a"], data=[[1]], log_mode="INCREMENTAL")})
    with begin(id="r", resume="allow") as run:
        run.log({"t": Table(columns=["a"], data=[[2]], log_mode="INCREMENTAL")})
    first, second = ({p: v for _, found in reading.rows(log) for p, v in found.items()} for log in reading.logs(folder))
    assert second["t", "increment_num"] == 1
    assert second["t", "previous_increments_paths"] == [first["t", "artifact_path"]]


def test_tables_are_linked_by_keys_and_by_numbers(folder: Path) -> None:
    run = begin()
    people = Table(columns=["id", "age"], data=[["ann", 1], ["bob", 2]])
    people.set_pk("id")
    assert types(people)["id"] == {"wb_type": "primaryKey"}
    pets = Table(columns=["owner"], data=[["ann"]])
    pets.set_fk("owner", people, "id")
    pets.add_data("bob")
    numbers = Table(columns=["person"], data=[[people.index_ref(0)], [people.get_index()[1]]])
    run.log({"people": people})
    run.log({"pets": pets, "numbers": numbers})
    for artifact, column, kind in zip(
        artifacts(folder)[1:], ("owner", "person"), ("foreignKey", "foreignIndex"), strict=True
    ):
        reference = next(entry for entry in artifact.manifest.contents if entry.ref)
        mine = next(n for n, entry in enumerate(artifact.manifest.contents) if not entry.ref)
        said = held(artifact, mine)["column_types"]["params"]["type_map"][column]
        assert (said["wb_type"], said["params"]["table"]) == (kind, reference.path)
        assert reference.ref.endswith("/people.table.json")
    with pytest.raises(ValueError, match="itself"):
        pets.set_fk("owner", pets, "owner")
    with pytest.raises(ValueError, match="primary"):
        people.set_pk("age")


def test_a_column_is_cast_where_its_values_fit() -> None:
    table = Table(columns=["a"], data=[[1]])
    table.cast("a", float)
    assert types(table) == {"a": NUMBER}
    with pytest.raises(TypeError, match="column 'a'"):
        table.cast("a", str)
    with pytest.raises(ValueError, match="'b'"):
        table.cast("b", str)


def test_too_many_rows_are_cut_off_and_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Table, "MAX_ROWS", 2)
    monkeypatch.setattr(Table, "MAX_ARTIFACT_ROWS", 3)
    run = begin()
    run.log({"t": Table(columns=["a"], data=[[number] for number in range(5)])})
    said = row(folder, 0, "t")
    assert file(run, said["path"]) == '{"columns":["a"],"data":[[0],[1]]}'
    assert held(artifacts(folder)[0])["data"] == [[0], [1], [2]]
    assert said["nrows"] == 5
    assert "MAX_ARTIFACT_ROWS" in capfd.readouterr().err


def test_a_table_in_a_logged_artifact_is_referred_to(folder: Path) -> None:
    run = begin()
    table = Table(columns=["a"], data=[[1]])
    artifact = Artifact("mine", "dataset")
    artifact.add(table, "inside")
    run.log_artifact(artifact)
    run.log({"t": table})
    assert row(folder, 0, "t")["artifact_path"] == f"wandb-client-artifact://{artifact.client_id}/inside.table.json"
    assert artifacts(folder)[1].manifest.contents[0].ref == row(folder, 0, "t")["artifact_path"]


def test_a_table_in_a_table_is_typed_too() -> None:
    inner = Table(columns=["x"], data=[[1]])
    found = typed(Table(columns=["t"], data=[[inner]]))
    assert found["data"][0][0]["data"] == [[1]]
    assert found["column_types"]["params"]["type_map"]["t"]["params"]["allowed_types"][1]["wb_type"] == "table"


def test_a_table_in_the_summary(folder: Path) -> None:
    run = begin()
    run.summary["t"] = Table(columns=["a"], data=[["x"]])
    assert run.summary["t"]["path"].startswith("media/table/t_summary_")

"""Charts: Plotly's and matplotlib's figures, and the presets that draw a table."""

from __future__ import annotations

import datetime
import json
import math
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy
import pandas
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as pyplot
import plotly.graph_objects as graph_objects
from matplotlib.figure import Figure

import runstore
from runstore.errors import UsageError
from runstore.sdk.media.graph import Graph, Node
from runstore.sdk.media.plotly import Plotly
from tests.sdk.reading import begin, fold, only_log, program, records, rows, succeeded

CLASSES = [0, 1, 2, 1, 0, 2, 2, 1, 0, 1]
SCORES = numpy.random.RandomState(0).dirichlet(numpy.ones(3), 10)


@pytest.fixture(autouse=True)
def _no_figures_stay() -> Any:
    yield
    pyplot.close("all")


def drawn() -> Figure:
    figure, axes = pyplot.subplots()
    axes.plot([1, 2, 3], [1, 4, 9])
    return figure


def with_image() -> Figure:
    figure, axes = pyplot.subplots()
    axes.imshow(numpy.zeros((3, 3)))
    return figure


def logged(folder: Path, value: Any) -> Any:
    """Return what a row says of `value`, as a tree."""
    with begin() as run:
        run.log({"v": value})
    return fold(only_log(folder)).summary.tree().get("v")


def file_of(folder: Path, said: dict[str, Any]) -> Any:
    """Return the JSON in the file that a value names."""
    return json.loads((only_log(folder).parent / "files" / said["path"]).read_bytes())


def charts(folder: Path) -> list[tuple[tuple[str, ...], Any]]:
    """Return what the log says of charts in the config, in order."""
    updates = [item for record in records(only_log(folder)) for item in record.config.update]
    return [(tuple(item.nested_key), json.loads(item.value_json)) for item in updates if len(item.nested_key) == 3]


def table(data: list[list[Any]], columns: list[str]) -> Any:
    from runstore.sdk.media.table import Table

    return Table(data=data, columns=columns)


# Figures.


def test_a_plotly_figure_becomes_an_interactive_chart(folder: Path) -> None:
    said = logged(folder, graph_objects.Figure(data=[graph_objects.Scatter(x=[1, 2], y=[3, 4])]))
    assert list(said) == ["_type", "sha256", "size", "path"]
    assert said["_type"] == "plotly-file"
    assert said["path"] == f"media/plotly/v_0_{said['sha256'][:20]}.plotly.json"
    assert file_of(folder, said)["data"] == [{"x": [1, 2], "y": [3, 4], "type": "scatter"}]


def test_all_that_a_figure_may_hold_is_written_as_stock_writes_it(folder: Path) -> None:
    figure = graph_objects.Figure(layout={"template": None})
    figure.add_bar(x=["a", "b"], y=numpy.arange(2), customdata=numpy.arange(4).reshape(2, 2))
    figure.add_scatter(x=[datetime.datetime(2020, 1, 1)], y=[numpy.float32(1.5)], text=("é",))
    figure.add_scatter(x=pandas.Series(pandas.to_datetime(["2020-01-01"])), y=[math.nan, None, math.inf])
    said = logged(folder, figure)
    text = (only_log(folder).parent / "files" / said["path"]).read_text("utf-8")
    assert '"text":["é"],"x":["2020-01-01T00:00:00"],"y":[1.5]' in text
    assert '"y":[NaN,null,Infinity]' in text
    assert json.loads(text)["data"][2]["x"] == ["2020-01-01T00:00:00"]


def test_figures_in_lists_dicts_and_the_summary_are_found(folder: Path) -> None:
    figure = graph_objects.Figure()
    with begin() as run:
        run.log({"list": [Plotly(figure), Plotly(figure)], "raw": [figure, 1], "in": {"f": figure}})
        run.summary["s"] = figure
    tree = fold(only_log(folder)).summary.tree()
    assert [item["_type"] for item in tree["list"]] == ["plotly-file"] * 2
    assert (tree["raw"][0]["_type"], tree["raw"][1]) == ("plotly-file", 1)
    assert tree["in"]["f"]["path"].startswith("media/plotly/f_0_")
    assert tree["s"]["path"].startswith("media/plotly/s_summary_")


def test_a_matplotlib_figure_becomes_an_interactive_chart_where_it_can(folder: Path) -> None:
    said = logged(folder, drawn())
    assert said["_type"] == "plotly-file"
    (line,) = file_of(folder, said)["data"]
    assert (line["x"], line["y"]) == ([1.0, 2.0, 3.0], [1.0, 4.0, 9.0])


@pytest.mark.parametrize("of", ["axes", "line", "pyplot"])
def test_what_is_drawn_in_a_figure_stands_for_the_figure(folder: Path, of: str) -> None:
    figure = drawn()
    value = {"axes": figure.axes[0], "line": figure.axes[0].lines[0], "pyplot": pyplot}[of]
    assert logged(folder, value)["_type"] == "plotly-file"


def test_what_plotly_cant_draw_whole_becomes_an_image(folder: Path) -> None:
    pie, axes = pyplot.subplots()
    axes.pie([1, 2])  # plotly leaves it out, and warns
    solid = pyplot.figure()
    solid.add_subplot(projection="3d").plot([1, 2], [1, 2], [1, 2])  # plotly raises
    with begin() as run:
        run.log({"image": with_image(), "pie": pie, "solid": solid, "empty": pyplot.figure()})
    tree = fold(only_log(folder)).summary.tree()
    assert {tree[key]["_type"] for key in ("image", "pie", "solid", "empty")} == {"image-file"}


def test_a_matplotlib_figure_becomes_an_image_where_plotly_is_not_installed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly.tools", None)
    assert logged(folder, drawn())["_type"] == "image-file"
    with pytest.raises(UsageError, match="plotly"):
        Plotly(drawn())


def test_other_objects_of_these_libraries_are_text(folder: Path) -> None:
    with begin() as run:
        run.log(
            {"trace": graph_objects.Scatter(x=[1]), "norm": matplotlib.colors.Normalize(0, 1), "module": matplotlib}
        )
    (_, row) = rows(only_log(folder))[0]
    assert row["trace"].startswith("Scatter")
    assert "Normalize" in row["norm"]


@pytest.mark.parametrize("refused", [3, "text", with_image, graph_objects.Scatter()])
def test_plotly_takes_figures_without_images(refused: Any) -> None:
    with pytest.raises(ValueError, match="figure"):
        Plotly(refused() if refused is with_image else refused)


def test_a_chart_that_cant_be_written_does_not_end_the_training(folder: Path) -> None:
    with begin() as run:
        media = only_log(folder).parent / "files" / "media"
        media.write_text("in the way")
        run.log({"v": Plotly(drawn()), "raw": drawn(), "loss": 1})
    assert rows(only_log(folder))[0][1] == {"v": None, "raw": None, "loss": 1}


def test_logging_numbers_loads_no_library_of_charts() -> None:
    done = program(
        """
        import sys, runstore
        with runstore.init() as run:
            run.log({"a": 1.5, "b": "text"})
            run.log({"a": [1, 2]})
        print([name for name in ("numpy", "plotly", "matplotlib", "runstore.sdk.plots") if name in sys.modules])
        """
    )
    assert succeeded(done).strip() == "[]"


# Graphs.


def test_a_graph_is_recorded_as_it_is_when_it_is_logged(folder: Path) -> None:
    graph = Graph()
    first = graph.add_node(id="a", name="in", class_name="Input", size=[3], parameters=[["w", [1]]])
    graph.add_edge(first, graph.add_node(Node(id="b", node=first)))
    with begin() as run:
        run.log({"g": graph})
        graph.add_node(id="c")
        run.log({"g": graph})
    (_, one), (_, two) = rows(only_log(folder))
    assert (one["g", "_type"], graph["b"].name, graph["b"].output_shape) == ("graph-file", "in", None)
    assert one["g", "path"] == f"media/graph/g_0_{one['g', 'sha256'][:20]}.graph.json"
    written = file_of(folder, {"path": one["g", "path"]})
    assert written["format"] == "keras"
    assert written["nodes"][0] == {
        "name": "in",
        "id": "a",
        "class_name": "Input",
        "size": [3],
        "parameters": [["w", [1]]],
    }
    assert written["edges"] == [["a", "b"]]
    assert len(file_of(folder, {"path": two["g", "path"]})["nodes"]) == 3


def test_a_graph_takes_a_node_or_what_to_make_one_of() -> None:
    with pytest.raises(ValueError, match="not both"):
        Graph().add_node(Node(id=1), name="x")
    with pytest.raises(AttributeError, match="colour"):
        Node(id=1).colour  # noqa: B018


def test_the_layers_of_a_keras_model_become_a_graph() -> None:
    class Dense:
        def __init__(self, name: str, *inbound: Any) -> None:
            self.name = name
            self.output_shape = (None, 3)
            self._inbound_nodes = [type("Inbound", (), {"inbound_layers": list(inbound)})()]

        def count_params(self) -> int:
            return 12

    first = Dense("a")
    model = type("Model", (), {"layers": [first, Dense("b", first)]})()
    graph = Graph.from_keras(model)
    assert [(node.id, node.class_name, node.num_parameters) for node in graph.nodes] == [
        ("a", "Dense", 12),
        ("b", "Dense", 12),
    ]
    assert [edge.to_json() for edge in graph.edges] == [["a", "b"]]


# Charts of tables.


def test_a_chart_becomes_its_table_and_a_description_in_the_config(folder: Path) -> None:
    with begin() as run:
        run.log({"chart": runstore.plot.line(table([[1, 2.5], [3, 4]], ["x", "y"]), "x", "y", title="T"), "loss": 1})
    ((_, row),) = rows(only_log(folder))
    assert row["loss"] == 1
    assert {key[0] for key in row if isinstance(key, tuple)} == {"chart_table"}
    assert file_of(folder, {"path": row["chart_table", "path"]}) == {"columns": ["x", "y"], "data": [[1, 2.5], [3, 4]]}
    (described,) = charts(folder)
    assert described[0] == ("_wandb", "visualize", "chart")
    assert json.dumps(described[1], separators=(",", ":")) == (
        '{"panel_type":"Vega2","panel_config":{"panelDefId":"wandb/line/v0","fieldSettings":{"x":"x","y":"y",'
        '"stroke":null},"stringSettings":{"title":"T"},"transform":{"name":"tableWithLeafColNames"},"userQuery":'
        '{"queryFields":[{"name":"runSets","args":[{"name":"runSets","value":"${runSets}"}],"fields":[{"name":"id",'
        '"fields":[]},{"name":"name","fields":[]},{"name":"_defaultColorIndex","fields":[]},{"name":"summaryTable",'
        '"args":[{"name":"tableKey","value":"chart_table"}],"fields":[]}]}]}}}'
    )


def test_a_nested_chart_is_known_by_its_path_and_its_table_is_at_the_top(folder: Path) -> None:
    data = {"nest": {"in": runstore.plot.scatter(table([[1, 2]], ["x", "y"]), "x", "y", split_table=True), "v": 1}}
    with begin() as run:
        run.log(data)
    ((_, row),) = rows(only_log(folder))
    assert {key[0] for key in row} == {"nest", "Custom Chart Tables/nest.in_table"}
    (((_, _, key), described),) = charts(folder)
    assert key == "nest.in"
    assert "Custom Chart Tables/nest.in_table" in json.dumps(described)
    assert "in" in data["nest"]  # the program's own dict is left as it was


def test_a_dict_of_nothing_but_charts_leaves_no_empty_one(folder: Path) -> None:
    with begin() as run:
        run.log({"nest": {"deep": {"chart": runstore.plot.bar(table([["a", 1]], ["x", "y"]), "x", "y")}}, "empty": {}})
    ((_, row),) = rows(only_log(folder))
    assert {key[0] if isinstance(key, tuple) else key for key in row} == {"nest.deep.chart_table", "empty"}


def test_a_circle_in_a_row_ends_where_it_closes_also_where_charts_are_known(folder: Path) -> None:
    chart = runstore.plot.bar(table([["a", 1]], ["x", "y"]), "x", "y")
    circle: dict[str, Any] = {"x": 1}
    circle["self"] = circle
    with begin() as run:
        run.log({"circle": circle, "chart": chart})
    ((_, row),) = rows(only_log(folder))
    assert row["circle", "x"] == 1


def test_a_chart_by_its_definitions_id_takes_the_key_itself(folder: Path) -> None:
    with begin() as run:
        run.log({"v": runstore.plot.visualize("me/chart", table([[1]], ["x"]))})
    assert rows(only_log(folder))[0][1]["v", "_type"] == "table-file"
    expected = {"id": "me/chart", "historyFieldSettings": {"x-axis": "_step", "key": "v"}}
    assert charts(folder) == [(("_wandb", "viz", "v"), expected)]


def test_a_chart_in_the_summary_is_recorded_too(folder: Path) -> None:
    with begin() as run:
        run.summary["c"] = runstore.plot.bar(table([["a", 1]], ["x", "y"]), "x", "y")
    assert fold(only_log(folder)).summary.tree()["c_table"]["_type"] == "table-file"
    assert [path for path, _ in charts(folder)] == [("_wandb", "visualize", "c")]


@pytest.mark.parametrize(
    ("chart", "definition", "fields", "texts"),
    [
        ("scatter", "wandb/scatter/v0", {"x": "x", "y": "y"}, {"title": "T"}),
        ("bar", "wandb/bar/v0", {"label": "x", "value": "y"}, {"title": "T"}),
        ("line", "wandb/line/v0", {"x": "x", "y": "y", "stroke": None}, {"title": "T"}),
    ],
)
def test_presets_name_the_columns(chart: str, definition: str, fields: Any, texts: Any) -> None:
    spec = getattr(runstore.plot, chart)(table([[1, 2]], ["x", "y"]), "x", "y", title="T").spec
    assert (spec.spec_name, spec.fields, spec.string_fields) == (definition, fields, texts)


def test_a_histogram_chart_names_one_column() -> None:
    spec = runstore.plot.histogram(table([[1]], ["x"]), "x").spec
    assert (spec.spec_name, spec.fields, spec.string_fields) == ("wandb/histogram/v0", {"value": "x"}, {"title": ""})


def test_plot_table_takes_any_definition_and_only_tables() -> None:
    chart = runstore.plot_table("me/mine", table([[1]], ["x"]), {"x": "x"})
    assert (chart.spec.spec_name, chart.spec.string_fields, chart.spec.split_table) == ("me/mine", {}, False)
    with pytest.raises(UsageError, match="Table"):
        runstore.plot_table("me/mine", [[1]], {})  # type: ignore[arg-type]


def test_plot_is_an_attribute_and_no_submodule() -> None:
    assert "plot" in runstore.__all__
    assert {"line", "roc_curve", "plot_table"} <= set(runstore.plot.__all__)
    with pytest.raises(ModuleNotFoundError):
        __import__("runstore.plot")


def test_a_line_series_shares_x_values_or_has_its_own() -> None:
    shared = runstore.plot.line_series([0, 1], [[1, 2], [3, 4.5]], title="q", xname="n")
    assert shared.table.columns == ["step", "lineKey", "lineVal"]
    assert shared.table.data == [[0, "line_0", 1], [1, "line_0", 2], [0, "line_1", 3], [1, "line_1", 4.5]]
    assert shared.spec.string_fields == {"title": "q", "xname": "n"}
    own = runstore.plot.line_series([[0], [5, 6]], numpy.array([[1, 2], [3, 4]]), keys=["a", "b"])
    assert own.table.data == [[0, "a", 1], [5, "b", 3], [6, "b", 4]]
    assert runstore.plot.line_series(numpy.arange(2), iter([[1, 2]])).table.data == [[0, "line_0", 1], [1, "line_0", 2]]


@pytest.mark.parametrize("wrong", [{"xs": [[0]], "ys": [[1], [2]]}, {"xs": [0], "ys": [[1]], "keys": ["a", "b"]}])
def test_a_line_series_needs_as_many_of_each(wrong: Any) -> None:
    with pytest.raises(ValueError, match="as many"):
        runstore.plot.line_series(**wrong)


# Curves and matrices, with the numbers that stock wandb has for the same arguments, from scikit-learn.


def test_a_roc_curve_turns_where_scikit_learns_does() -> None:
    chart = runstore.plot.roc_curve(CLASSES, SCORES, classes_to_plot=[0, 2], labels=["a", "b", "c"])
    assert chart is not None
    assert chart.table.columns == ["class", "fpr", "tpr"]
    assert chart.table.data == [
        ["a", 0.0, 0.0],
        ["a", 0.143, 0.0],
        ["a", 0.429, 0.0],
        ["a", 0.429, 0.667],
        ["a", 0.714, 0.667],
        ["a", 0.714, 1.0],
        ["a", 1.0, 1.0],
        ["c", 0.0, 0.0],
        ["c", 0.0, 0.333],
        ["c", 0.0, 1.0],
        ["c", 1.0, 1.0],
    ]
    assert chart.spec.spec_name == "wandb/area-under-curve/v0"
    assert chart.spec.fields == {"x": "fpr", "y": "tpr", "class": "class"}
    assert chart.spec.string_fields == {
        "title": "ROC Curve",
        "x-axis-title": "False positive rate",
        "y-axis-title": "True positive rate",
    }


def test_a_precision_recall_curve_is_smoothed_and_interpolated() -> None:
    chart = runstore.plot.pr_curve(CLASSES, SCORES, interp_size=4)
    assert chart is not None
    assert chart.table.columns == ["class", "precision", "recall"]
    assert chart.table.data == [
        [0, 0.375, 1.0],
        [0, 0.4, 0.667],
        [0, 0.4, 0.333],
        [0, 1.0, 0.0],
        [1, 0.444, 1.0],
        [1, 0.444, 0.667],
        [1, 0.444, 0.333],
        [1, 1.0, 0.0],
        [2, 1.0, 1.0],
        [2, 1.0, 0.667],
        [2, 1.0, 0.333],
        [2, 1.0, 0.0],
    ]
    assert chart.spec.string_fields["title"] == "Precision-Recall Curve"


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        ([0.0, 1.0, 0.0, 1.0], [0.0, 1.0]),
        ([False, True, False, True], [False, True]),
        (["u", "v", "u", "v"], ["u", "v"]),
        ([0, 1, 0, 1], ["no", "yes"]),
    ],
)
def test_labels_name_classes_that_are_integers(classes: list[Any], names: list[Any]) -> None:
    chart = runstore.plot.roc_curve(classes, SCORES[:4, :2], labels=["no", "yes"])
    assert chart is not None
    assert [row[0] for row in chart.table.data] == [names[0]] * 5 + [names[1]] * 4


def test_a_rate_of_nothing_is_nan() -> None:
    chart = runstore.plot.roc_curve([1, 1], [[0.5], [0.1]])
    assert chart is not None
    assert [math.isnan(fpr) for _, fpr, _ in chart.table.data] == [True] * 3


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    chance = numpy.random.RandomState(1)
    scores = chance.rand(60_000, 2)
    chart = runstore.plot.roc_curve(chance.randint(0, 2, 60_000), scores)
    assert chart is not None
    data = chart.table.data
    assert 9_000 < len(data) <= 10_000
    assert [data[0], data[-1]] == [[0, 0.0, 0.0], [1, 1.0, 1.0]]


@pytest.mark.parametrize(
    "wrong",
    [
        (None, None),
        ([0, 1], None),
        ([0, 1], [0.5, 0.6]),
        ([0, 1], [[0.5, 0.6]]),
        ([0, 1, 2], [[0.5, 0.6]] * 3),
        ([0, 1], [[0.5, 0.6], [math.nan, 0.2]]),
        ([], numpy.zeros((0, 2))),
    ],
)
def test_curves_refuse_what_does_not_fit(wrong: Any) -> None:
    for curve in (runstore.plot.roc_curve, runstore.plot.pr_curve):
        with pytest.raises(UsageError, match="y_"):
            curve(*wrong)


def test_curves_refuse_classes_that_do_not_occur_or_have_no_name() -> None:
    with pytest.raises(ValueError, match="classes_to_plot"):
        runstore.plot.roc_curve(CLASSES, SCORES, classes_to_plot=[5])
    with pytest.raises(ValueError, match="class 1 has no name"):
        runstore.plot.roc_curve(CLASSES, SCORES, labels=["a"])


def test_a_confusion_matrix_counts_each_pair() -> None:
    chart = runstore.plot.confusion_matrix(preds=[0, 1, 1], y_true=numpy.array([0, 1, 0]))
    assert chart.table.columns == ["Actual", "Predicted", "nPredictions"]
    assert chart.table.data == [
        ["Class_1", "Class_1", 1.0],
        ["Class_1", "Class_2", 1.0],
        ["Class_2", "Class_1", 0.0],
        ["Class_2", "Class_2", 1.0],
    ]
    assert chart.spec.spec_name == "wandb/confusion_matrix/v1"
    assert chart.spec.string_fields == {"title": "Confusion Matrix Curve"}


def test_a_confusion_matrix_takes_probabilities_and_names() -> None:
    chart = runstore.plot.confusion_matrix(probs=[[0.1, 0.9], [0.8, 0.2]], y_true=[0, 1], class_names=["a", "b"])
    assert chart.table.data == [["a", "a", 0.0], ["a", "b", 1.0], ["b", "a", 1.0], ["b", "b", 0.0]]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"probs": [[1, 0]], "preds": [0], "y_true": [0]}, ValueError),
        ({"preds": [0, 1], "y_true": [0]}, ValueError),
        ({"preds": [5], "y_true": [0], "class_names": ["a", "b"]}, ValueError),
        ({"preds": ["a"], "y_true": ["a"], "class_names": ["a"]}, ValueError),
        ({"y_true": [0]}, TypeError),
        ({"preds": [0]}, TypeError),
    ],
)
def test_a_confusion_matrix_refuses_what_does_not_fit(wrong: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        runstore.plot.confusion_matrix(**wrong)
    assert isinstance(caught.value, UsageError)

"""Watching torch models: what is logged of gradients and parameters, when, under which names, and that hooks come off.

Each program runs in a process that has a real torch; the model in it is small, and its gradients are known.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from runstore.errors import UsageError
from tests import torch_environment
from tests.conformance import stock
from tests.sdk.reading import begin, fold, logs, only_log, rows, succeeded

pytestmark = torch_environment.needed()

MODEL = """
import copy, gc, io, json, os, pickle, sys
import torch
from torch import nn
import runstore

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        self.head = nn.Linear(3, 1)
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)

    def forward(self, x):
        return self.head(self.body(x))

def step(model, scale=1.0):
    (model(torch.ones(4, 2)).sum() * scale).backward()

def refused(call, *errors):
    try:
        call()
    except errors as error:
        print(error)
    else:
        raise AssertionError("nothing was raised")
"""
RUN = "run = runstore.init()\nmodel = Net()\n"
GRADIENTS = {f"gradients/{name}" for name in ("body.0.weight", "body.0.bias", "head.weight", "head.bias")}
PARAMETERS = {name.replace("gradients", "parameters") for name in GRADIENTS} | {"parameters/frozen"}


def ran(folder: Path, source: str, *, begin: str = RUN) -> str:
    """Run a program that has a model and a run; return what it printed. The run ends with it."""
    folder.mkdir(exist_ok=True)
    program = MODEL + begin + textwrap.dedent(source)
    return succeeded(torch_environment.run(program, WANDB_DIR=str(folder)))


def histograms(row: dict[Any, Any]) -> dict[str, dict[str, Any]]:
    """Return the histograms of a row by their names."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in row.items():
        if isinstance(key, tuple):
            found.setdefault(key[0], {})[key[1]] = value
    return found


def logged(folder: Path) -> list[set[str]]:
    """Return the names of the histograms of each row."""
    return [set(histograms(row)) for _, row in rows(only_log(folder))]


def graph_of(log: Path, key: str) -> dict[str, Any]:
    """Return the graph that the summary names under `key`."""
    said = fold(log).summary.tree()[key]
    assert said["_type"] == "graph-file"
    assert said["path"].startswith(f"media/graph/{key}_summary_")
    graph: dict[str, Any] = json.loads((log.parent / "files" / said["path"]).read_bytes())
    return graph


def test_gradients_come_with_the_next_row_every_so_many_passes(folder: Path) -> None:
    ran(
        folder,
        """
        run.watch(model, log_freq=2)
        for i in range(4):
            step(model)
            run.log({"i": i})
        """,
    )
    assert logged(folder) == [set(), GRADIENTS, set(), GRADIENTS]
    assert [row["i"] for _, row in rows(only_log(folder))] == [0, 1, 2, 3]


def test_a_step_given_later_leaves_gradients_in_the_row_that_was_open(folder: Path) -> None:
    ran(folder, "run.watch(model, log_freq=1)\nstep(model)\nrun.log({'i': 0}, step=7)")
    assert [step for step, _ in rows(only_log(folder))] == [0, 7]
    assert logged(folder) == [GRADIENTS, set()]


@pytest.mark.parametrize(
    ("log", "expected"), [("parameters", PARAMETERS), ("all", GRADIENTS | PARAMETERS), (None, set())]
)
def test_what_is_logged_can_be_chosen(folder: Path, log: str | None, expected: set[str]) -> None:
    ran(folder, f"run.watch(model, log={log!r}, log_freq=1)\nstep(model)\nrun.log({{'i': 0}})")
    assert logged(folder) == [expected]


def test_parameters_are_those_of_the_forward_pass(folder: Path) -> None:
    ran(
        folder,
        """
        with torch.no_grad():
            model.head.bias.fill_(3)
        run.watch(model, log="parameters", log_freq=1)
        model(torch.ones(1, 2))
        """,
    )
    ((_, row),) = rows(only_log(folder))
    assert histograms(row)["parameters/head.bias"] == {"_type": "histogram", "values": [1], "bins": [3.0, 3.0]}


def test_bins_reach_from_the_least_to_the_greatest_element(folder: Path) -> None:
    found, equal, with_nan, all_nan, empty, whole, half, double, sparse, positive, negative, complex_ = json.loads(
        ran(
            folder,
            """
            from runstore.sdk.models.tensorbins import binned
            nan, inf = float("nan"), float("inf")
            values = [
                torch.tensor([0.0, 1.0, 1.0, 2.0]), torch.ones(5), torch.tensor([[nan, 3.0], [inf, 4.0]]),
                torch.tensor([nan]), torch.ones(0), torch.arange(5), torch.ones(3, dtype=torch.bfloat16),
                torch.tensor([1.0, 2.0], dtype=torch.float64), torch.tensor([[0.0, -1.0], [2.0, 0.0]]).to_sparse(),
                torch.tensor([0.0, 5.0, 5.0]).to_sparse(), torch.tensor([0.0, 0.0, -5.0]).to_sparse(),
                torch.tensor([1 + 2j, 2 + 1j]),
            ]
            print(json.dumps([*map(binned, values)]))
            """,
            begin="",
        )
    )
    assert (len(found["values"]), found["values"][0], found["values"][32], found["values"][-1]) == (64, 1, 2, 1)
    assert (len(found["bins"]), found["bins"][0], found["bins"][-1]) == (65, 0.0, 2.0)
    assert equal == {"_type": "histogram", "values": [5], "bins": [1.0, 1.0]}
    assert (sum(with_nan["values"]), with_nan["bins"][0], with_nan["bins"][-1]) == (2, 3.0, 4.0)
    assert (all_nan, empty) == (None, None)
    assert (sum(whole["values"]), half["values"], sum(double["values"])) == (5, [3], 2)
    assert (sum(sparse["values"]), sparse["bins"][0], sparse["bins"][-1]) == (4, -1.0, 2.0)
    assert (positive["values"][0], positive["values"][-1], positive["bins"][0]) == (1, 2, 0.0)
    assert (complex_["bins"][0], complex_["bins"][-1]) == (1.0, 2.0)
    assert (negative["values"][0], negative["values"][-1], negative["bins"][-1]) == (1, 2, 0.0)


def test_gradients_that_are_not_finite_are_left_out_and_come_back(folder: Path) -> None:
    ran(
        folder,
        """
        model = nn.Linear(2, 1)
        run.watch(model, log_freq=1)
        for scale in (float("nan"), float("inf"), 1.0):
            step(model, scale)
            run.log({"scale": scale})
        """,
    )
    assert logged(folder) == [set(), set(), {"gradients/weight", "gradients/bias"}]


def test_what_cant_be_counted_is_said_and_does_not_end_the_training(folder: Path) -> None:
    folder.mkdir()
    source = """
    model.wide = nn.Parameter(torch.tensor([-3e38, 3e38]))
    run.watch(model, log="parameters", log_freq=1)
    for _ in range(2):
        step(model)
        run.log({"i": 0})
    """
    done = torch_environment.run(MODEL + RUN + textwrap.dedent(source), WANDB_DIR=str(folder))
    succeeded(done)
    assert done.stderr.count("parameters/wide could not be counted") == 1
    assert logged(folder) == [PARAMETERS] * 2


def test_models_after_the_first_have_a_prefix(folder: Path) -> None:
    ran(
        folder,
        """
        small = [nn.Linear(1, 1, bias=False) for _ in range(4)]
        run.watch(small[:2], log_freq=1)
        run.watch(small[2], log_freq=1)
        run.watch(small[3], log_freq=1, idx=7)
        for one in small:
            one(torch.ones(1, 1)).backward()
        """,
    )
    assert logged(folder) == [{f"gradients/{prefix}weight" for prefix in ("", "graph_1", "graph_2", "graph_7")}]


def test_the_next_run_begins_anew(folder: Path) -> None:
    ran(
        folder,
        """
        for _ in range(2):
            with runstore.init() as run:
                run.watch(model, log_freq=1)
                step(model)
                run.log({"i": 0})
        """,
        begin="model = Net()\n",
    )
    found = [[set(histograms(row)) for _, row in rows(log)] for log in logs(folder)]
    assert found == [[GRADIENTS], [GRADIENTS]]


def test_the_same_name_twice_is_refused(folder: Path) -> None:
    said = ran(
        folder,
        """
        run.watch(model, idx=0, log_graph=True)
        refused(lambda: run.watch(model, idx=0), ValueError)
        refused(lambda: run.watch(model, log=None, log_graph=True), ValueError)
        run.watch(model)  # has a prefix
        """,
    )
    assert "another idx" in said.splitlines()[0]
    assert "unwatch it first" in said.splitlines()[1]


def test_a_name_is_free_again_when_its_model_is_gone_or_no_longer_watched(folder: Path) -> None:
    ran(
        folder,
        """
        run.watch(model, idx=0, log_freq=1, log_graph=True)
        run.unwatch(model)
        run.watch(model, idx=0, log_freq=1, log_graph=True)
        del model
        gc.collect()
        run.watch(Net(), idx=0)
        """,
    )


def test_what_is_no_model_or_no_choice_is_refused(folder: Path) -> None:
    said = ran(
        folder,
        """
        refused(lambda: run.watch(3), TypeError)
        refused(lambda: run.watch([model, "x"]), runstore.UsageError)
        refused(lambda: run.watch(model, log="weights"), ValueError)
        assert not model._forward_hooks
        """,
    )
    assert "torch.nn.Module" in said.splitlines()[0]
    assert "'weights'" in said.splitlines()[2]


def test_without_torch_nothing_can_be_watched() -> None:
    with begin() as run, pytest.raises(UsageError, match=r"torch\.nn\.Module"):
        run.watch(object())


def test_unwatch_takes_the_hooks_off_one_model_or_all(folder: Path) -> None:
    ran(
        folder,
        """
        other = Net()
        run.watch([model, other], log="all", log_freq=1, log_graph=True)
        run.unwatch(model)
        step(model)
        run.log({"i": 0})
        run.unwatch()
        step(other)
        run.log({"i": 1})
        assert not any(module._forward_hooks for one in (model, other) for module in one.modules())
        run.unwatch(model)
        """,
    )
    assert logged(folder) == [set(), set()]


def test_unwatching_what_is_not_watched_is_said(folder: Path) -> None:
    folder.mkdir()
    done = torch_environment.run(MODEL + RUN + "run.unwatch(model)", WANDB_DIR=str(folder))
    succeeded(done)
    assert "this Net is not being watched" in done.stderr


def test_hooks_come_off_when_the_run_ends(folder: Path) -> None:
    ran(
        folder,
        """
        run.watch(model, log="all", log_freq=1, log_graph=True)
        run.finish()
        assert not any(module._forward_hooks for module in model.modules())
        assert not any(parameter._backward_hooks for parameter in model.parameters())
        step(model)
        """,
    )
    assert logged(folder) == []


def test_copies_and_pickles_of_the_model_are_not_watched(folder: Path) -> None:
    ran(
        folder,
        """
        model = nn.Sequential(nn.Linear(2, 1))
        run.watch(model, log="all", log_freq=1, log_graph=True)
        loaded = pickle.loads(pickle.dumps(model))
        buffer = io.BytesIO()
        torch.save(model, buffer)
        buffer.seek(0)
        for other in (copy.deepcopy(model), loaded, torch.load(buffer, weights_only=False)):
            assert other(torch.ones(1, 2)).shape == (1, 1)
            other(torch.ones(1, 2)).sum().backward()
        assert b"runstore" not in pickle.dumps(model)
        run.log({"i": 0})
        """,
    )
    assert logged(folder) == [set()]


def test_a_model_that_is_moved_and_converted_goes_on_being_watched(folder: Path) -> None:
    ran(
        folder,
        """
        run.watch(model, log="all", log_freq=1)
        model.double()
        model.to("cuda" if torch.cuda.is_available() else "cpu")
        model(torch.ones(4, 2, dtype=torch.float64, device=model.frozen.device)).sum().backward()
        """,
    )
    assert logged(folder) == [GRADIENTS | PARAMETERS]


def test_a_forked_child_logs_what_it_trains_itself(folder: Path) -> None:
    ran(
        folder,
        """
        run.watch(model, log_freq=1)
        step(model)
        run.log({"i": 0})
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            step(model)
            run.log({"i": 1})
            run.finish()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        run.log({"i": 2})
        """,
    )
    assert [[set(histograms(row)) for _, row in rows(log)] for log in logs(folder)] == [
        [GRADIENTS],
        [GRADIENTS],
        [set()],
    ]


def test_the_graph_names_each_module_as_data_passes_it(folder: Path) -> None:
    ran(folder, "run.watch(model, log=None, log_graph=True)\nstep(model)\nstep(model)\nrun.log({'i': 0})")
    graph = graph_of(only_log(folder), "graph_0")
    assert (graph["format"], graph["edges"]) == ("torch", [])
    assert [list(node) for node in graph["nodes"]] == [
        ["name", "id", "class_name", "parameters", "output_shape", "num_parameters"]
    ] * 3
    assert [{key: node[key] for key in node if key != "id"} for node in graph["nodes"][::2]] == [
        {
            "name": "body.0",
            "class_name": "Linear(in_features=2, out_features=3, bias=True)",
            "parameters": [["weight", [3, 2]], ["bias", [3]]],
            "output_shape": [[4, 3]],
            "num_parameters": [6, 3],
        },
        {
            "name": "head",
            "class_name": "Linear(in_features=3, out_features=1, bias=True)",
            "parameters": [["weight", [1, 3]], ["bias", [1]]],
            "output_shape": [[4, 1]],
            "num_parameters": [3, 1],
        },
    ]


def test_graphs_of_several_models_have_keys_of_their_own_wherever_their_last_module_lies(folder: Path) -> None:
    ran(
        folder,
        """
        models = [nn.Sequential(nn.Sequential(nn.Linear(1, 1))) for _ in range(2)]
        run.watch(models, log=None, log_graph=True)
        for one in models:
            one(torch.ones(1, 1))
        """,
    )
    assert {key for key in fold(only_log(folder)).summary.tree() if key.startswith("graph")} == {"graph_0", "graph_1"}


def test_a_graph_with_a_module_that_is_not_in_use_is_recorded_at_the_end(folder: Path) -> None:
    ran(
        folder,
        """
        model.spare = nn.Linear(1, 1)
        run.watch([model, nn.Linear(1, 1)], log=None, log_graph=True)
        step(model)
        """,
    )
    assert [node["name"] for node in graph_of(only_log(folder), "graph_0")["nodes"]] == ["body.0", "body.1", "head"]


def test_outputs_of_any_structure_have_a_shape(folder: Path) -> None:
    found = ran(
        folder,
        """
        from runstore.sdk.models.topology import shape_of
        circle = []
        circle.append(circle)
        one = torch.ones(2, 3)
        print(json.dumps(shape_of(({"a": one, "b": [one]}, None, "text", one.numpy()))))
        shape_of(circle)
        """,
        begin="",
    )
    assert json.loads(found) == [[[2, 3], [[2, 3]]], [], [], [2, 3]]


COMPARED = """
import torch
from torch import nn
import wandb

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(10, 2, sparse=True)
        self.body = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
        self.head = nn.Linear(3, 1).double()
        self.same = nn.Parameter(torch.ones(4))
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)

    def forward(self, words):
        return self.head(self.body(self.words(words)).double()).sum() + self.same.sum()

run = wandb.init(project="p", settings=wandb.Settings(console="off"))
model, other = Net(), nn.Linear(2, 2)
run.watch([model, other], log="all", log_freq=2)
for i in range(5):
    model(torch.tensor([1, 2, 2])).backward()
    (other(torch.ones(1, 2)).sum() * (float("nan") if i == 1 else 1)).backward()
    run.log({"i": i})
run.finish()
"""


def test_the_histograms_are_those_of_stock_wandb(tmp_path: Path, folder: Path) -> None:
    site = torch_environment.install()
    theirs, ours = tmp_path / "theirs", folder
    theirs.mkdir()
    ours.mkdir()
    wandb = stock.install("0.31.0")
    succeeded(stock.run_script("0.31.0", COMPARED, theirs, {"PYTHONPATH": f"{wandb}:{site}", "OMP_NUM_THREADS": "1"}))
    source = COMPARED.replace("import wandb", "import runstore as wandb")
    succeeded(torch_environment.run(source, WANDB_DIR=str(ours)))
    found = [row for _, row in rows(only_log(ours))]
    assert found == [row for _, row in rows(only_log(theirs))]
    assert len(found[1]) > 3 * len(PARAMETERS)

"""The names, parameters and defaults of the public surface are those of the stock package, but for a list of reasons.

What is not listed and differs is a failure, and so is what is listed and differs no longer.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pytest

import runstore
from tests.conformance.stock import STOCK_VERSIONS, run_script

# Functions and classes of stock's module that runstore has not.
LACKING = {
    "CommError": "one of the shim's names; runstore's own errors are NotFound and RemoteError",
    "Config": "a class that programs get from a run; none of them makes one",
    "EvalTable": "kept by W&B's server, with a package of its own",
    "agent": "sweeps are not there yet",
    "controller": "sweeps are not there yet",
    "sagemaker_auth": "writes a key for a cloud service",
    "sweep": "sweeps are not there yet",
    "termsetup": "internal: Settings decide what is said",
}

# How stock's own code writes and reads media, under names without an underscore; no guide of W&B's shows them.
MACHINERY: tuple[str, ...]
MACHINERY = ("bind_to_run", "captions", "file_is_set", "from_json", "get_media_subdir", "init_from_json", "is_bound")
MACHINERY += ("path_is_reference", "to_data_array", "to_json", "type_mapping", "with_suffix")
LACKING |= {f"Table.{name}": "stock's machinery of media" for name in MACHINERY}

# (callable, parameter) -> why it differs.
DIFFERENT = {
    ("Run.log", "sync"): "of stock before 0.19; older programs give it",
    ("log", "sync"): "as Run.log",
    ("Run.finish", "quiet"): "of stock before 0.24; older programs give it",
    ("finish", "quiet"): "as Run.finish",
    ("Run.define_metric", "goal"): "of stock before 0.17; `summary` of `best` needs it",
    ("define_metric", "goal"): "as Run.define_metric",
    ("login", "anonymous"): "stock's default is an object that says that nothing was given; ours is None",
    ("init", "anonymous"): "as login",
    ("Run.log_code", "include_fn"): "stock's default is a private function; ours is None and means the same",
    ("Run.log_code", "exclude_fn"): "as include_fn",
}

# Classes whose constructor is compared; of other classes only the name has to be there.
CONSTRUCTED = (
    "Artifact",
    "Audio",
    "Classes",
    "Histogram",
    "Html",
    "Image",
    "JoinedTable",
    "Molecule",
    "Object3D",
    "Plotly",
    "Table",
    "Video",
)
# Classes whose public methods and properties are compared as well.
WHOLE = ("Artifact", "Run", "Table")

DESCRIBE = """
import inspect
import json
import types


def parameters_of(function):
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in ("self", "cls") and not found:
            continue
        default = parameter.default
        if default is inspect.Parameter.empty:
            shown = "required"
        else:
            try:
                shown = json.dumps(list(default) if isinstance(default, (tuple, list)) else default)
            except TypeError:
                shown = "an object"
        found.append([parameter.name, parameter.kind.name, shown])
    return found


def describe_class(name, kind, constructed, whole):
    found = {name: parameters_of(kind) if name in constructed else "class"}
    if name in whole:
        for member in dir(kind):
            value = inspect.getattr_static(kind, member)
            if member.startswith("_"):
                continue
            if isinstance(value, (types.FunctionType, classmethod, staticmethod)):
                found[f"{name}.{member}"] = parameters_of(getattr(kind, member))
            else:
                found[f"{name}.{member}"] = "property"
    return found


def describe(module, prefix, constructed, whole):
    found = {}
    for name in dir(module):
        try:
            value = getattr(module, name)
        except (AttributeError, ImportError):  # then it is missing, as far as a program can tell
            continue
        if name.startswith("_") or isinstance(value, types.ModuleType):
            continue
        if isinstance(value, type):
            found.update(describe_class(prefix + name, value, constructed, whole))
        elif isinstance(value, types.FunctionType):
            found[prefix + name] = parameters_of(value)
    return found
"""

STOCK = f"""
{DESCRIBE}
import wandb
found = describe(wandb, "", {CONSTRUCTED!r}, {WHOLE!r})
found["Api"] = "class"
plots = {{name: value for name, value in vars(wandb.plot).items() if isinstance(value, types.FunctionType)}}
found.update({{f"plot.{{name}}": parameters_of(value) for name, value in plots.items() if name != "visualize"}})
print(json.dumps(found))
"""

Described = dict[str, Any]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Described:
    done = run_script(STOCK_VERSIONS[0], STOCK, tmp_path_factory.mktemp("stock"))
    assert done.returncode == 0, done.stderr
    found: Described = json.loads(done.stdout.splitlines()[-1])
    assert {"init", "Run.log", "Image", "Table.add_data", "plot.line"} <= found.keys()
    return found


@pytest.fixture(scope="module")
def ours() -> Described:
    scope: dict[str, Any] = {}
    exec(DESCRIBE, scope)
    found: Described = scope["describe"](runstore, "", CONSTRUCTED, WHOLE)
    plot = getattr(runstore, "plot", None)
    if plot is not None:
        found.update(scope["describe"](plot, "plot.", (), ()))
    return found


def test_every_public_name_of_stock_is_there(stock: Described, ours: Described) -> None:
    missing = sorted(name for name in stock if name not in ours and name not in LACKING)
    assert not missing, f"{len(missing)} are missing: {' '.join(missing)}"


def test_parameters_have_stocks_names_order_kinds_and_defaults(stock: Described, ours: Described) -> None:
    found = unexplained_differences(stock, ours, DIFFERENT)
    assert not found, "\n".join(f"{name}: {'; '.join(differences)}" for name, differences in found.items())


def test_methods_are_methods_and_properties_properties(stock: Described, ours: Described) -> None:
    kinds = {
        name: (type(stock[name]), type(ours[name]))
        for name in stock.keys() & ours.keys()
        if isinstance(stock[name], list) != isinstance(ours[name], list)
    }
    assert kinds == {}


def test_no_listed_difference_is_out_of_date(stock: Described, ours: Described) -> None:
    assert sorted(name for name in LACKING if name in ours or name not in stock) == []
    differing = {
        (name, one.split(":")[0])
        for name, expected in stock.items()
        if isinstance(expected, list) and isinstance(ours.get(name), list)
        for one in parameters_that_differ(expected, ours[name])
    }
    assert {pair for pair in DIFFERENT if pair not in differing} == set()


def unexplained_differences(
    stock: Described, ours: Described, explained: Collection[tuple[str, str]]
) -> dict[str, list[str]]:
    """Return by function what of its parameters differs and is not among the pairs of function and parameter."""
    found = {}
    for name, expected in stock.items():
        if name in ours and isinstance(expected, list) and isinstance(ours[name], list):
            differences = parameters_that_differ(expected, ours[name])
            unexplained = [one for one in differences if (name, one.split(":")[0]) not in explained]
            if unexplained:
                found[name] = unexplained
    return found


def parameters_that_differ(stock: list[list[str]], ours: list[list[str]]) -> list[str]:
    """Return `name: how` for each parameter that is not the same."""
    theirs = {name: (kind, default) for name, kind, default in stock}
    mine = {name: (kind, default) for name, kind, default in ours}
    differences = [f"{name}: is missing" for name in theirs if name not in mine]
    differences += [f"{name}: stock has none" for name in mine if name not in theirs]
    common = [name for name in theirs if name in mine]
    for name in common:
        if theirs[name] != mine[name]:
            differences.append(f"{name}: {mine[name]} is {theirs[name]} in stock")
    if [name for name in mine if name in theirs] != common:
        differences.append(f"*: order is {list(mine)}, {list(theirs)} in stock")
    return differences


def test_a_planted_difference_is_found() -> None:
    stock = [["a", "POSITIONAL_OR_KEYWORD", "required"], ["b", "POSITIONAL_OR_KEYWORD", "null"]]
    assert unexplained_differences({"f": stock}, {"f": stock[:1]}, ()) == {"f": ["b: is missing"]}
    assert unexplained_differences({"f": stock}, {"f": stock[:1]}, {("f", "b")}) == {}
    assert parameters_that_differ(stock, stock) == []
    assert parameters_that_differ(stock, stock[:1]) == ["b: is missing"]
    assert parameters_that_differ(stock[:1], stock) == ["b: stock has none"]
    assert parameters_that_differ(stock, stock[::-1])[0].startswith("*: order is ['b', 'a']")
    changed = [stock[0], ["b", "POSITIONAL_OR_KEYWORD", "1"]]
    assert parameters_that_differ(stock, changed)[0].startswith("b: ")
    keyword = [stock[0], ["b", "KEYWORD_ONLY", "null"]]
    assert parameters_that_differ(stock, keyword)[0].startswith("b: ")

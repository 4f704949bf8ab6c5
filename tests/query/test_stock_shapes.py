"""The public Api has the names, parameters and defaults of stock's, but for a list of reasons.

What is not listed and differs is a failure, and so is what is listed and differs no longer.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

import runstore
from runstore.query.artifacts import collections, ofrun
from runstore.query.artifacts import files as artifact_files
from runstore.query.stored import files, projects, run, runs
from tests.conformance.stock import STOCK_VERSIONS, run_script
from tests.test_signatures import DESCRIBE, Described, parameters_that_differ, unexplained_differences

CLASSES = {
    "Api": runstore.Api,
    "Run": run.StoredRun,
    "Runs": runs.Runs,
    "File": files.File,
    "Files": files.Files,
    "RunArtifacts": ofrun.RunArtifacts,
    "Artifacts": collections.Artifacts,
    "ArtifactCollection": collections.ArtifactCollection,
    "ArtifactCollections": collections.ArtifactCollections,
    "ArtifactFiles": artifact_files.ArtifactFiles,
    "ArtifactType": collections.ArtifactType,
    "ArtifactTypes": collections.ArtifactTypes,
    "Project": projects.Project,
}

# Members that ours have not, and why; by the class and by what their names begin with.
LACKING = {
    "Api.automation": "kept by W&B's server",
    "Api.create_": "made on W&B's server; a run is made by init",
    "Api.delete_automation": "kept by W&B's server",
    "Api.update_automation": "kept by W&B's server",
    "Api.integrations": "kept by W&B's server",
    "Api.slack_integrations": "kept by W&B's server",
    "Api.webhook_integrations": "kept by W&B's server",
    "Api.job": "W&B's launch",
    "Api.list_jobs": "W&B's launch",
    "Api.queued_run": "W&B's launch",
    "Api.run_queue": "W&B's launch",
    "Api.upsert_run_queue": "W&B's launch",
    "Api.organization": "kept by W&B's server",
    "Api.registr": "kept by W&B's server",
    "Api.reports": "kept by W&B's server",
    "Api.sweep": "sweeps are not there yet",
    "Api.sync_tensorboard": "TensorBoard's files are not there yet",
    "Api.team": "kept by W&B's server",
    "Api.user": "kept by W&B's server",
    "Api.users": "kept by W&B's server",
    "Api.viewer": "kept by W&B's server",
    "Api.user_agent": "there are no requests",
    "Run.create": "a run is made by init",
    "Run.delete": "`runstore runs delete` asks, and looks whether the run is delivered",
    "Run.download_history_exports": "of W&B's server; the history is here: `frame`, `runstore export`",
    "Run.log_artifact": 'a stored run is not added to; `init(id=..., resume="must")` goes on with it',
    "Run.use_artifact": "as Run.log_artifact",
    "Run.stop": "a signal of W&B's server to its process",
    "Run.update_state": "the state follows from the log, and from whether the process lives",
    "Run.upload_file": "what a run recorded is not added to",
    "Run.sweep": "sweeps are not there yet",
    "Run.display": "W&B's page in a notebook",
    "Run.to_html": "W&B's page in a notebook",
    "Run.snake_to_camel": "stock's machinery",
    "Runs.convert_objects": "stock's machinery of pages",
    "Runs.update_variables": "stock's machinery of pages",
    "Runs.last_response": "stock's machinery of pages",
    "File.display": "W&B's page in a notebook",
    "File.to_html": "W&B's page in a notebook",
    "File.snake_to_camel": "stock's machinery",
    "Files.convert_objects": "stock's machinery of pages",
    "Files.update_variables": "stock's machinery of pages",
    "Files.last_response": "stock's machinery of pages",
    "RunArtifacts.convert_objects": "stock's machinery of pages",
    "RunArtifacts.update_variables": "stock's machinery of pages",
    "ArtifactCollection.change_type": "the type is that of its versions, as their logs say it",
    "ArtifactCollection.load": "stock's machinery",
    "ArtifactCollection.project_id": "kept by W&B's server",
    "ArtifactCollection.project_internal_id": "kept by W&B's server",
    "ArtifactCollection.save": "what is said of a collection is that of its versions",
    "ArtifactType.load": "stock's machinery",
    "Artifacts.convert_objects": "stock's machinery of pages",
    "Artifacts.update_variables": "stock's machinery of pages",
    "Artifacts.QUERY": "stock's machinery of pages",
    "ArtifactCollections.convert_objects": "stock's machinery of pages",
    "ArtifactCollections.update_variables": "stock's machinery of pages",
    "ArtifactCollections.QUERY": "stock's machinery of pages",
    "ArtifactFiles.convert_objects": "stock's machinery of pages",
    "ArtifactFiles.update_variables": "stock's machinery of pages",
    "ArtifactFiles.QUERY": "stock's machinery of pages",
    "ArtifactTypes.convert_objects": "stock's machinery of pages",
    "ArtifactTypes.update_variables": "stock's machinery of pages",
    "ArtifactTypes.QUERY": "stock's machinery of pages",
    "Project.sweeps": "sweeps are not there yet",
    "Project.owner": "kept by W&B's server",
    "Project.url": "there is no page of a project",
    "Project.display": "W&B's page in a notebook",
    "Project.to_html": "W&B's page in a notebook",
    "Project.snake_to_camel": "stock's machinery",
}

# (callable, parameter) -> why it differs.
DIFFERENT = {
    ("Api", "index"): "which index to read, for tests and hubs",
    ("Api", "refresh"): "whether the logs are read on first",
    ("Api.runs", "below"): "runs that have a log below a folder",
}

# Attributes that stock's servers give a run, which programs read as `run.NAME`.
ATTRIBUTES: tuple[str, ...]
ATTRIBUTES = ("createdAt", "heartbeatAt", "created_at", "displayName", "display_name", "description", "jobType")
ATTRIBUTES += ("job_type", "group", "notes", "tags", "commit", "user", "sweepName", "systemMetrics", "summaryMetrics")
ATTRIBUTES += ("history_keys", "project", "metadata")

STOCK = f"""
{DESCRIBE}
from wandb.apis.public import api, artifacts, files, projects, runs
classes = {{"Api": api.Api, "Run": runs.Run, "Runs": runs.Runs, "File": files.File, "Files": files.Files}}
classes |= {{"Project": projects.Project}}
of_artifacts = "RunArtifacts Artifacts ArtifactCollection ArtifactCollections ArtifactFiles ArtifactType ArtifactTypes"
classes |= {{name: getattr(artifacts, name) for name in of_artifacts.split()}}
found = {{}}
for name, kind in classes.items():
    found.update(describe_class(name, kind, ("Api",), classes))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Described:
    done = run_script(STOCK_VERSIONS[0], STOCK, tmp_path_factory.mktemp("stock"))
    assert done.returncode == 0, done.stderr
    found: Described = json.loads(done.stdout.splitlines()[-1])
    assert {"Api.runs", "Run.scan_history", "File.download"} <= found.keys()
    return found


@pytest.fixture(scope="module")
def ours() -> Described:
    scope: dict[str, Any] = {}
    exec(DESCRIBE, scope)
    found: Described = {}
    for name, kind in CLASSES.items():
        found.update(scope["describe_class"](name, kind, ("Api",), CLASSES))
    return found


def reason(name: str) -> str | None:
    return next((why for start, why in LACKING.items() if name == start or (name.startswith(start))), None)


def test_every_member_of_stocks_is_there(stock: Described, ours: Described) -> None:
    missing = sorted(name for name in stock if name not in ours and reason(name) is None)
    assert not missing, f"{len(missing)} are missing: {' '.join(missing)}"


def test_parameters_have_stocks_names_order_kinds_and_defaults(stock: Described, ours: Described) -> None:
    found = unexplained_differences(stock, ours, DIFFERENT)
    assert not found, "\n".join(f"{name}: {'; '.join(differences)}" for name, differences in found.items())


def test_methods_are_methods_and_properties_properties(stock: Described, ours: Described) -> None:
    both = stock.keys() & ours.keys()
    assert sorted(name for name in both if isinstance(stock[name], list) != isinstance(ours[name], list)) == []


def test_no_listed_difference_is_out_of_date(stock: Described, ours: Described) -> None:
    missing = [name for name in stock if name not in ours]
    assert [start for start in LACKING if not any(name.startswith(start) for name in missing)] == []
    differing = {
        (name, one.split(":")[0])
        for name, expected in stock.items()
        if isinstance(expected, list) and isinstance(ours.get(name), list)
        for one in parameters_that_differ(expected, ours[name])
    }
    assert {pair for pair in DIFFERENT if pair not in differing} == set()


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_what_stocks_servers_say_of_a_run_is_there(name: str) -> None:
    assert hasattr(run.StoredRun, name)

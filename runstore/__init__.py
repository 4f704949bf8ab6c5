"""Keep the record of machine-learning training runs on local disk first, and deliver it later.

    import runstore
    with runstore.init(project="demo", config={"lr": 0.1}) as run:
        for step in range(100):
            run.log({"loss": 1 / (step + 1)})

`import runstore as wandb` serves code that was written against W&B's library. Heavy names load at their first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runstore.errors import Error, RunstoreError, UsageError
from runstore.sdk.lifecycle import BeforeInit, finish, init, log
from runstore.version import VERSION as __version__  # noqa: N811 - the name that every package has

if TYPE_CHECKING:
    from runstore.query.stock import Api as Api
    from runstore.sdk.artifacts.artifact import Artifact as Artifact
    from runstore.sdk.artifacts.facts import ArtifactTTL as ArtifactTTL
    from runstore.sdk.beginning import attach as _attach  # noqa: F401 - as Lightning calls it
    from runstore.sdk.beginning import attach as attach
    from runstore.sdk.config import Config
    from runstore.sdk.disabled import DisabledRun
    from runstore.sdk.functions import ensure_configured as ensure_configured
    from runstore.sdk.functions import join as join
    from runstore.sdk.functions import login as login
    from runstore.sdk.functions import require as require
    from runstore.sdk.functions import setup as setup
    from runstore.sdk.functions import teardown as teardown
    from runstore.sdk.functions import termerror as termerror
    from runstore.sdk.functions import termlog as termlog
    from runstore.sdk.functions import termwarn as termwarn
    from runstore.sdk.media.audio import Audio as Audio
    from runstore.sdk.media.classes import Classes as Classes
    from runstore.sdk.media.customchart import plot_table as plot_table
    from runstore.sdk.media.customchart import visualize as visualize
    from runstore.sdk.media.graph import Graph as Graph
    from runstore.sdk.media.histogram import Histogram as Histogram
    from runstore.sdk.media.html import Html as Html
    from runstore.sdk.media.image import Image as Image
    from runstore.sdk.media.joinedtable import JoinedTable as JoinedTable
    from runstore.sdk.media.molecule import Molecule as Molecule
    from runstore.sdk.media.object3d import Object3D as Object3D
    from runstore.sdk.media.plotly import Plotly as Plotly
    from runstore.sdk.media.solids import box3d as box3d
    from runstore.sdk.media.table import Table as Table
    from runstore.sdk.media.video import Video as Video
    from runstore.sdk.messages import AlertLevel as AlertLevel
    from runstore.sdk.plots import plot as plot
    from runstore.sdk.run import Run as Run
    from runstore.sdk.run_functions import alert as alert
    from runstore.sdk.run_functions import define_metric as define_metric
    from runstore.sdk.run_functions import link_model as link_model
    from runstore.sdk.run_functions import log_artifact as log_artifact
    from runstore.sdk.run_functions import log_model as log_model
    from runstore.sdk.run_functions import mark_preempting as mark_preempting
    from runstore.sdk.run_functions import pin_config_keys as pin_config_keys
    from runstore.sdk.run_functions import restore as restore
    from runstore.sdk.run_functions import save as save
    from runstore.sdk.run_functions import unwatch as unwatch
    from runstore.sdk.run_functions import use_artifact as use_artifact
    from runstore.sdk.run_functions import use_model as use_model
    from runstore.sdk.run_functions import watch as watch
    from runstore.sdk.summary import Summary
    from runstore.settings import Settings as Settings
    from runstore.shim import install_as_wandb as install_as_wandb

__all__ = [
    "init",
    "log",
    "finish",
    "run",
    "config",
    "summary",
    "define_metric",
    "watch",
    "unwatch",
    "save",
    "restore",
    "alert",
    "log_artifact",
    "use_artifact",
    "log_model",
    "use_model",
    "link_model",
    "mark_preempting",
    "pin_config_keys",
    "attach",
    "login",
    "setup",
    "teardown",
    "join",
    "require",
    "ensure_configured",
    "install_as_wandb",
    "termlog",
    "termwarn",
    "termerror",
    "Artifact",
    "ArtifactTTL",
    "Table",
    "JoinedTable",
    "Image",
    "Audio",
    "Video",
    "Html",
    "Object3D",
    "Molecule",
    "Histogram",
    "Plotly",
    "Graph",
    "plot",
    "plot_table",
    "visualize",
    "Classes",
    "box3d",
    "AlertLevel",
    "Run",
    "Api",
    "Settings",
    "Error",
    "RunstoreError",
    "UsageError",
    "__version__",
]

run: Run | DisabledRun | None = None
config: Config | BeforeInit = BeforeInit("config")
summary: Summary | BeforeInit | dict[str, Any] = BeforeInit("summary")

# Name -> the module that has it.
_LAZY = {
    "AlertLevel": "runstore.sdk.messages",
    "Api": "runstore.query.stock",
    "Artifact": "runstore.sdk.artifacts.artifact",
    "ArtifactTTL": "runstore.sdk.artifacts.facts",
    "Table": "runstore.sdk.media.table",
    "JoinedTable": "runstore.sdk.media.joinedtable",
    "Image": "runstore.sdk.media.image",
    "Audio": "runstore.sdk.media.audio",
    "Video": "runstore.sdk.media.video",
    "Html": "runstore.sdk.media.html",
    "Object3D": "runstore.sdk.media.object3d",
    "Molecule": "runstore.sdk.media.molecule",
    "Histogram": "runstore.sdk.media.histogram",
    "Plotly": "runstore.sdk.media.plotly",
    "Graph": "runstore.sdk.media.graph",
    "plot": "runstore.sdk.plots",
    "plot_table": "runstore.sdk.media.customchart",
    "visualize": "runstore.sdk.media.customchart",
    "Classes": "runstore.sdk.media.classes",
    "box3d": "runstore.sdk.media.solids",
    "Run": "runstore.sdk.run",
    "Settings": "runstore.settings",
    "_attach": "runstore.sdk.beginning",
    "alert": "runstore.sdk.run_functions",
    "attach": "runstore.sdk.beginning",
    "define_metric": "runstore.sdk.run_functions",
    "ensure_configured": "runstore.sdk.functions",
    "install_as_wandb": "runstore.shim",
    "join": "runstore.sdk.functions",
    "link_model": "runstore.sdk.run_functions",
    "log_artifact": "runstore.sdk.run_functions",
    "log_model": "runstore.sdk.run_functions",
    "login": "runstore.sdk.functions",
    "mark_preempting": "runstore.sdk.run_functions",
    "pin_config_keys": "runstore.sdk.run_functions",
    "require": "runstore.sdk.functions",
    "restore": "runstore.sdk.run_functions",
    "save": "runstore.sdk.run_functions",
    "setup": "runstore.sdk.functions",
    "teardown": "runstore.sdk.functions",
    "termerror": "runstore.sdk.functions",
    "termlog": "runstore.sdk.functions",
    "termwarn": "runstore.sdk.functions",
    "unwatch": "runstore.sdk.run_functions",
    "use_artifact": "runstore.sdk.run_functions",
    "use_model": "runstore.sdk.run_functions",
    "watch": "runstore.sdk.run_functions",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'runstore' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name.lstrip("_"))  # `_attach` is the name that older programs have


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

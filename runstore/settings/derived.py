"""What follows from settings, by the names under which programs read it from W&B's."""

from __future__ import annotations

import os
import sys
import time
from typing import Literal


class Derived:
    """Properties of Settings that are computed when they are asked for."""

    mode: str
    root_dir: str
    run_id: str
    base_url: str
    x_start_time: float | None

    @property
    def run_mode(self) -> Literal["offline-run"]:
        """What names of run directories begin with: a run is always written to the local disk first."""
        return "offline-run"

    @property
    def timespec(self) -> str:
        """The time in the name of the run directory; "" before the run is begun."""
        return time.strftime("%Y%m%d_%H%M%S", time.localtime(self.x_start_time)) if self.x_start_time else ""

    @property
    def wandb_dir(self) -> str:
        """The folder of the run directories."""
        return os.path.join(os.path.expanduser(self.root_dir), "wandb")

    @property
    def sync_dir(self) -> str:
        """The run directory."""
        return os.path.join(self.wandb_dir, f"{self.run_mode}-{self.timespec}-{self.run_id}")

    @property
    def sync_file(self) -> str:
        """The run's log."""
        return os.path.join(self.sync_dir, f"run-{self.run_id}.wandb")

    @property
    def files_dir(self) -> str:
        """The folder of the files that travel with the run."""
        return os.path.join(self.sync_dir, "files")

    @property
    def log_dir(self) -> str:
        """The folder in which W&B's client keeps messages about itself; runstore has none."""
        return os.path.join(self.sync_dir, "logs")

    @property
    def settings_workspace(self) -> str:
        """The settings file of stock tools beside the run directories."""
        return os.path.join(self.wandb_dir, "settings")

    @property
    def is_local(self) -> bool:
        """Whether runs go to another server than W&B's own."""
        return not any(host in self.base_url for host in ("wandb.ai", "forge.coreweave.com"))

    @property
    def deployment(self) -> Literal["local", "cloud"]:
        """Where the server is that `base_url` names."""
        return "local" if self.is_local else "cloud"

    @property
    def project_url(self) -> str:
        """Nothing: a project has no address before its runs are delivered."""
        return ""

    @property
    def run_url(self) -> str:
        """Nothing: a run has no address before it is delivered."""
        return ""

    @property
    def sweep_url(self) -> str:
        """Nothing: a sweep has no address before its runs are delivered."""
        return ""

    @property
    def _offline(self) -> bool:
        return self.mode == "offline"

    @property
    def _noop(self) -> bool:
        return self.mode == "disabled"

    @property
    def _shared(self) -> bool:
        return False

    @property
    def _jupyter(self) -> bool:
        shell = sys.modules.get("IPython")
        active = shell.get_ipython() if shell is not None else None
        return type(active).__name__ == "ZMQInteractiveShell"

    @property
    def _ipython(self) -> bool:
        shell = sys.modules.get("IPython")
        return shell is not None and shell.get_ipython() is not None

    @property
    def _notebook(self) -> bool:
        return self._ipython or self._colab or self._kaggle

    @property
    def _colab(self) -> bool:
        return "google.colab" in sys.modules

    @property
    def _kaggle(self) -> bool:
        return "KAGGLE_KERNEL_RUN_TYPE" in os.environ or "kaggle_environments" in sys.modules

    @property
    def _windows(self) -> bool:
        return sys.platform == "win32"

"""Settings: one frozen dataclass, one function that decides where each value comes from.

Precedence: argument of init, its `settings`, environment, `wandb/settings` in the current folder, our settings file,
the user's settings file of stock tools, default. Variables that W&B's tools know keep their names (WANDB_*), ours are
RUNSTORE_*. Our file is settings.json in the config folder.
"""

from runstore.settings.fields import SECRETS, SETTINGS, Settings, variable_of
from runstore.settings.layers import resolve, settings_file
from runstore.settings.values import MODES, RunMoment

__all__ = ["MODES", "SECRETS", "SETTINGS", "RunMoment", "Settings", "resolve", "settings_file", "variable_of"]

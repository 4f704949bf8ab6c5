"""The inner package of W&B's library, as far as others reach into it."""

from __future__ import annotations

from runstore import Artifact as Artifact
from runstore import Run as Run
from runstore import Settings as Settings
from runstore import finish as finish
from runstore import init as init
from runstore import login as login
from runstore import setup as setup
from runstore.sdk.config import Config as Config
from runstore.sdk.summary import Summary as Summary

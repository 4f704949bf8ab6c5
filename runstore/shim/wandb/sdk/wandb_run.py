"""The class of runs."""

from __future__ import annotations

from runstore import Run as Run

"""The class of runs, where older programs look for it."""

from __future__ import annotations

from runstore import Run as Run

"""Messages on the terminal."""

from __future__ import annotations

from runstore import termerror as termerror
from runstore import termlog as termlog
from runstore import termwarn as termwarn

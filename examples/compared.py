"""What the examples computed, written to a file for whoever wants to compare it with what was recorded."""

from __future__ import annotations

import json
import os
from typing import Any


def note(**facts: Any) -> None:
    """Add facts, of JSON's types, to the file that EXAMPLE_FACTS names, one line each; do nothing where none is named.

    Of several processes each adds its own.
    """
    path = os.environ.get("EXAMPLE_FACTS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")

"""Regular expressions as people type them."""

from __future__ import annotations

import re
import warnings


def expression(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return the compiled expression; raises re.error for one that is wrong.

    Python warns of those that a later version may read otherwise, such as `[[a]`; that is for programmers.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(pattern, flags)

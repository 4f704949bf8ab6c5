"""Charts to log: `runstore.plot`. Each function makes a table, or takes one, and names the definition that draws it.

None of W&B's server is needed to make one; its definitions are named by id.
"""

from __future__ import annotations

import sys

from runstore.sdk.media.customchart import CustomChart as CustomChart
from runstore.sdk.media.customchart import plot_table, visualize
from runstore.sdk.plots.bar import bar
from runstore.sdk.plots.confusion import confusion_matrix
from runstore.sdk.plots.curves import pr_curve, roc_curve
from runstore.sdk.plots.histogram import histogram
from runstore.sdk.plots.line import line
from runstore.sdk.plots.line_series import line_series
from runstore.sdk.plots.scatter import scatter

__all__ = [
    "line",
    "histogram",
    "scatter",
    "bar",
    "roc_curve",
    "pr_curve",
    "confusion_matrix",
    "line_series",
    "plot_table",
    "visualize",
]

plot = sys.modules[__name__]  # what `runstore.plot` is, which must be no submodule of that name

"""Charts to log."""

from __future__ import annotations

from runstore.sdk.plots import bar as bar
from runstore.sdk.plots import confusion_matrix as confusion_matrix
from runstore.sdk.plots import histogram as histogram
from runstore.sdk.plots import line as line
from runstore.sdk.plots import line_series as line_series
from runstore.sdk.plots import plot_table as plot_table
from runstore.sdk.plots import pr_curve as pr_curve
from runstore.sdk.plots import roc_curve as roc_curve
from runstore.sdk.plots import scatter as scatter
from runstore.sdk.plots import visualize as visualize

"""ROC and precision-recall curves, one for each class, computed here with numpy as scikit-learn computes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import WrongMedia
from runstore.sdk.media.customchart import CustomChart, plot_table

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

_DECIMALS = 3  # of what is drawn


def roc_curve(
    y_true: Sequence[Any],
    y_probas: Sequence[Sequence[float]] | None = None,
    labels: list[str] | None = None,
    classes_to_plot: list[Any] | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> CustomChart | None:
    """Return a chart of the true positive over the false positive rate, at each threshold, one class against the rest.

    `y_true`, of shape (n,), holds the classes; `y_probas`, of shape (n, classes), a score for each class in the order
    of the classes. `labels` names the classes where they are integers, `classes_to_plot` leaves out the others.

    Raises WrongMedia, a ValueError, where the shapes don't fit, a score is NaN or no class is left.
    """
    curves = []
    for label, positive, score in _one_against_rest(y_true, y_probas, labels, classes_to_plot):
        false_rate, true_rate = _rates(positive, score)
        curves.append((label, false_rate, true_rate))
    fields = {"x": "fpr", "y": "tpr", "class": "class"}
    axes = {"x-axis-title": "False positive rate", "y-axis-title": "True positive rate"}
    return _chart(curves, ("fpr", "tpr"), fields, {"title": title, **axes}, split_table)


def pr_curve(
    y_true: Iterable[Any] | None = None,
    y_probas: Iterable[Any] | None = None,
    labels: list[str] | None = None,
    classes_to_plot: list[Any] | None = None,
    interp_size: int = 21,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> CustomChart | None:
    """Return a chart of the precision at `interp_size` equal steps of recall, one class against the rest.

    A curve is smoothed: at each recall it shows the best precision that a threshold of the same or a higher recall
    has. Arguments and errors are those of `roc_curve`.
    """
    import numpy

    recalls = numpy.linspace(0, 1, interp_size)[::-1]
    curves = []
    for label, positive, score in _one_against_rest(y_true, y_probas, labels, classes_to_plot):
        precision, recall = _precision_and_recall(positive, score)
        best = numpy.maximum.accumulate(precision)[::-1]
        curves.append((label, best[numpy.searchsorted(recall[::-1], recalls, side="left")], recalls))
    fields = {"x": "recall", "y": "precision", "class": "class"}
    axes = {"x-axis-title": "Recall", "y-axis-title": "Precision"}
    return _chart(curves, ("precision", "recall"), fields, {"title": title, **axes}, split_table)


def _one_against_rest(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None, classes_to_plot: Any
) -> list[tuple[Any, Array, Array]]:
    """Return for each class its label, which samples are of it, and its scores."""
    import numpy

    true, scores = _arrays(y_true, y_probas)
    classes = numpy.unique(true)
    if scores.shape[1] < len(classes):
        raise WrongMedia(f"y_probas has {scores.shape[1]} columns, and y_true {len(classes)} classes")
    shown = classes if classes_to_plot is None else classes_to_plot
    found = []
    for i in numpy.flatnonzero(numpy.isin(classes, shown)):
        found.append((_label(classes[i].item(), labels), true == classes[i], scores[:, i]))
    if not found:
        raise WrongMedia("none of classes_to_plot is a class of y_true")
    return found


def _label(value: Any, labels: Sequence[str] | None) -> Any:
    """Return how a class is called."""
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if labels is None or not isinstance(value, int) or isinstance(value, bool):
        return value
    if not 0 <= value < len(labels):
        raise WrongMedia(f"class {value} has no name among the {len(labels)} of labels, which are counted from 0")
    return labels[value]


def _arrays(y_true: Any, y_probas: Any) -> tuple[Array, Array]:
    import numpy

    from runstore.sdk.media.arrays import as_array

    if y_true is None or y_probas is None:
        raise WrongMedia("a curve needs y_true and y_probas")
    true, scores = as_array(y_true), as_array(y_probas)
    true = numpy.asarray(y_true) if true is None else true
    scores = numpy.asarray(y_probas) if scores is None else scores
    if true.ndim != 1 or scores.ndim != 2 or len(true) != len(scores) or not len(true):
        raise WrongMedia(
            f"y_true must be of shape (n,) and y_probas of (n, classes), not {true.shape} and {scores.shape}"
        )
    if not numpy.isfinite(scores).all():
        raise WrongMedia("y_probas holds NaN or infinite scores")
    return true, scores


def _counts(positive: Array, score: Array) -> tuple[Array, Array]:
    """Return how many false and how many true positives there are at each threshold, the highest first."""
    import numpy

    order = numpy.argsort(score, kind="mergesort")[::-1]
    positive, score = positive[order], score[order]
    last_of_equals = numpy.append(numpy.flatnonzero(numpy.diff(score)), len(score) - 1)
    true = numpy.cumsum(positive)[last_of_equals]
    return 1 + last_of_equals - true, true


def _rates(positive: Array, score: Array) -> tuple[Array, Array]:
    """Return the false and the true positive rate at each threshold at which the curve turns, from (0, 0) on."""
    import numpy

    false, true = _counts(positive, score)
    if len(false) > 2:
        turns = (numpy.diff(false, 2) != 0) | (numpy.diff(true, 2) != 0)
        kept = numpy.concatenate(([True], turns, [True]))
        false, true = false[kept], true[kept]
    return _share(numpy.append(0, false)), _share(numpy.append(0, true))


def _precision_and_recall(positive: Array, score: Array) -> tuple[Array, Array]:
    """Return both at each threshold, the lowest first, and at last (1, 0)."""
    import numpy

    false, true = _counts(positive, score)
    return numpy.append((true / (true + false))[::-1], 1.0), numpy.append(_share(true)[::-1], 0.0)


def _share(counts: Array) -> Array:
    """Return cumulated counts as shares of their last, the whole; NaN where that is nothing."""
    import numpy

    shares: Array = counts / counts[-1] if counts[-1] else numpy.full(counts.shape, numpy.nan)
    return shares


def _chart(
    curves: Sequence[tuple[Any, Array, Array]],
    columns: tuple[str, str],
    fields: dict[str, Any],
    texts: dict[str, Any],
    split_table: bool,
) -> CustomChart:
    from runstore.sdk.media.table import Table

    most = Table.MAX_ROWS // len(curves)
    data = []
    for label, one, other in curves:
        kept = _spread(len(one), most)
        ones, others = one[kept].round(_DECIMALS).tolist(), other[kept].round(_DECIMALS).tolist()
        data += [[label, x, y] for x, y in zip(ones, others, strict=True)]
    return plot_table(
        data_table=Table(columns=["class", *columns], data=data),
        vega_spec_name="wandb/area-under-curve/v0",
        fields=fields,
        string_fields=texts,
        split_table=split_table,
    )


def _spread(count: int, most: int) -> Array:
    """Return the indices of at most `most` of `count` points, spread evenly; both ends of a curve are kept."""
    import numpy

    indices: Array = numpy.linspace(0, count - 1, min(count, max(most, 2))).round().astype(int)
    return indices

"""Confusion matrices: how often each class was taken for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runstore.sdk.media.base import WrongMedia, WrongMediaType
from runstore.sdk.media.customchart import CustomChart, plot_table


def confusion_matrix(
    probs: Sequence[Sequence[float]] | None = None,
    y_true: Sequence[Any] | None = None,
    preds: Sequence[Any] | None = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> CustomChart:
    """Return a chart of how many samples of each class were predicted to be of each.

    What was predicted are `preds`, of shape (n,), or the most probable classes of `probs`, of shape (n, classes);
    `y_true`, of shape (n,), says what is true. With `class_names` the classes are their indices; otherwise they are
    the values that occur, in order, and named Class_1, Class_2 and so on.

    Raises WrongMediaType, a TypeError, where one of both sides is missing, and WrongMedia, a ValueError, where both
    `probs` and `preds` are given, lengths differ, or a class has no name.
    """
    from runstore.sdk.media.table import Table

    predicted, true = _labels(probs, preds), _as_list(y_true, "y_true")
    if len(predicted) != len(true):
        raise WrongMedia(f"there must be as many predictions as true labels: {len(predicted)} are not {len(true)}")
    occurring = {*predicted, *true}
    classes = sorted(occurring) if class_names is None else list(range(len(class_names)))
    names = [f"Class_{i + 1}" for i in range(len(classes))] if class_names is None else list(class_names)
    unnamed = occurring.difference(classes)
    if unnamed:
        raise WrongMedia(
            f"class {min(unnamed, key=str)!r} is not among the {len(names)} of class_names, which are counted from 0"
        )
    counts = dict.fromkeys(((actual, guess) for actual in classes for guess in classes), 0.0)
    for pair in zip(true, predicted, strict=True):
        counts[pair] += 1
    named = dict(zip(classes, names, strict=True))
    return plot_table(
        data_table=Table(
            columns=["Actual", "Predicted", "nPredictions"],
            data=[[named[actual], named[guess], count] for (actual, guess), count in counts.items()],
        ),
        vega_spec_name="wandb/confusion_matrix/v1",
        fields={"Actual": "Actual", "Predicted": "Predicted", "nPredictions": "nPredictions"},
        string_fields={"title": title},
        split_table=split_table,
    )


def _labels(probs: Any, preds: Any) -> list[Any]:
    """Return the predicted classes."""
    if probs is None:
        return _as_list(preds, "preds or probs")
    if preds is not None:
        raise WrongMedia("a confusion matrix takes probs or preds, not both")
    import numpy

    from runstore.sdk.media.arrays import as_array

    found = as_array(probs)
    labels: list[Any] = numpy.argmax(numpy.asarray(probs) if found is None else found, axis=1).tolist()
    return labels


def _as_list(labels: Any, name: str) -> list[Any]:
    """Return labels as a list of Python's own values, so that 1 of numpy's is 1 of torch's."""
    if labels is None:
        raise WrongMediaType(f"a confusion matrix needs {name}")
    as_list = getattr(labels, "tolist", None)
    return list(as_list() if callable(as_list) else map(_own, labels))


def _own(label: Any) -> Any:
    item = getattr(label, "item", None)
    return item() if callable(item) else label

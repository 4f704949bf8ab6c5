"""Filters in the manner of MongoDB, as conditions."""

from __future__ import annotations

from typing import Any

import pytest

from runstore.core.conditions import Compare, Condition, Either, Every, Exists, Matches, Not, OneOf
from runstore.core.mongo import condition_of, field_of, order_of
from runstore.errors import UsageError


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        (None, Every(())),
        ({}, Every(())),
        ({"state": "finished"}, Compare("state", "=", "finished")),
        ({"config.lr": 0.1}, Compare("config.lr", "=", 0.1)),
        ({"config.opt.lr.value": {"$lt": 1}}, Compare("config.opt.lr", "<", 1)),
        ({"config.opt": {"name": "adam"}}, Compare("config.opt.name", "=", "adam")),
        (
            {"summary_metrics.loss": {"$gte": 0, "$lte": 1}},
            Every((Compare("summary.loss", ">=", 0), Compare("summary.loss", "<=", 1))),
        ),
        ({"summaryMetrics.a.b": {"$gt": 1}}, Compare("summary.a.b", ">", 1)),
        ({"name": "k3v9q2xy"}, Compare("id", "=", "k3v9q2xy")),
        ({"display_name": {"$ne": "x"}}, Not(Compare("name", "=", "x"))),
        ({"displayName": {"$regex": "^a"}}, Matches("name", "^a")),
        ({"display_name": {"$regex": "^a", "$options": "i"}}, Matches("name", "(?i)^a")),
        ({"tags": {"$in": ["a", "b"]}}, OneOf("tags", ("a", "b"))),
        ({"tags": {"$nin": ["a"]}}, Not(OneOf("tags", ("a",)))),
        ({"tags": ["a", "b"]}, Every((Compare("tags", "=", "a"), Compare("tags", "=", "b")))),
        ({"config.x": {"$exists": True}}, Exists("config.x")),
        ({"config.x": {"$exists": False}}, Not(Exists("config.x"))),
        ({"config.x": None}, Compare("config.x", "=", None)),
        ({"jobType": {"$not": {"$eq": "eval"}}}, Not(Compare("job_type", "=", "eval"))),
        ({"createdAt": {"$gt": "2024-01-01"}}, Compare("created_at", ">", "2024-01-01")),
        ({"username": "me", "group": "g"}, Every((Compare("entity", "=", "me"), Compare("group", "=", "g")))),
        (
            {"$or": [{"state": "failed"}, {"state": "crashed"}]},
            Either((Compare("state", "=", "failed"), Compare("state", "=", "crashed"))),
        ),
        ({"$and": [{"group": "g"}]}, Every((Compare("group", "=", "g"),))),
        ({"$nor": [{"group": "g"}]}, Not(Either((Compare("group", "=", "g"),)))),
        ({"$not": {"group": "g"}}, Not(Compare("group", "=", "g"))),
        ({"$or": []}, Either(())),
    ],
)
def test_filters_mean_conditions(filters: Any, condition: Condition) -> None:
    assert condition_of(filters) == condition


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"config.lr": {"$near": 1}}, r"no operator '\$near' of field 'config.lr'; there are \$eq, .*\$exists, \$not"),
        ({"$where": 1}, r"no operator '\$where' of filters; there are \$and, \$or, \$nor and \$not"),
        ({"$or": {"a": 1}}, r"\$or takes a list of filters"),
        ({"tags": {"$in": "a"}}, r"take a list, not 'a'"),
        ({"config.lr": {"$gt": [1]}}, r"'config.lr' can be compared with text, a number"),
        ("state = finished", "filters are a dict"),
        ({"$and": ["x"]}, "filters are a dict"),
        ({"createdAt": {"$gt": "yesterday"}}, "takes a date or time in ISO 8601"),
    ],
)
def test_what_is_no_filter_is_named(filters: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        condition_of(filters)


def test_orders_and_fields() -> None:
    assert order_of("-summary_metrics.loss") == ("summary.loss", True)
    assert order_of("+config.lr.value") == ("config.lr", False)
    assert order_of("created_at") == ("created_at", False)
    assert order_of("-createdAt") == order_of("-created") == ("created_at", True)
    assert order_of("+name") == ("name", False)
    assert field_of("colour") == "colour"  # whoever looks runs up knows what there is

"""What a target gets: filters, rates, and how they are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstore.errors import UsageError
from runstore.syncd.hours import QuietHours
from runstore.syncd.policy import Policy, checked_at_once, parse_rate

LOG = Path("/data/team/exp/wandb/offline-run-20260101_000000-abc/run-abc.wandb")


def wants(policy: Policy, project: str = "demo", entity: str = "me", tags: tuple[str, ...] = ()) -> bool:
    return policy.wants(LOG, project, entity, tags)


def test_a_policy_as_it_is_made_wants_everything() -> None:
    assert wants(Policy())
    assert wants(Policy(), project="", entity="")


def test_projects_fit_by_name_or_with_their_entity() -> None:
    assert wants(Policy(projects=("other", "de*")))
    assert wants(Policy(projects=("me/demo",)))
    assert not wants(Policy(projects=("you/*",)))
    assert not wants(Policy(projects=("dem",)))
    assert not wants(Policy(projects=("Demo",)))


def test_a_log_of_an_unknown_run_waits_where_it_may_not_be_wanted() -> None:
    for policy in (Policy(projects=("!secret",)), Policy(projects=("*",)), Policy(tags=("!secret",))):
        assert not wants(policy, project="", entity="")
    assert wants(Policy(paths=("/data",)), project="", entity="")


def test_one_tag_that_fits_is_enough() -> None:
    policy = Policy(tags=("paper*",))
    assert wants(policy, tags=("draft", "paper-2"))
    assert not wants(policy, tags=("draft",))
    assert not wants(policy)


def test_a_path_stands_for_all_that_lies_below() -> None:
    assert wants(Policy(paths=("/data/team",)))
    assert wants(Policy(paths=("*/exp",)))
    assert wants(Policy(paths=(str(LOG),)))
    assert not wants(Policy(paths=("/data/tea",)))


def test_what_is_excluded_is_not_wanted_whatever_else_fits() -> None:
    assert wants(Policy(tags=("!debug",)))
    assert not wants(Policy(tags=("!debug",)), tags=("debug", "paper"))
    assert not wants(Policy(projects=("d*", "!demo")))
    assert not wants(Policy(paths=("!/data/team/exp",)))


def test_every_filter_has_to_fit() -> None:
    assert not wants(Policy(projects=("demo",), tags=("paper",)))
    assert wants(Policy(projects=("demo",), tags=("paper",)), tags=("paper",))


def test_what_is_kept_comes_back_and_only_what_was_set_is_kept() -> None:
    assert Policy().as_json() == {}
    policy = Policy(("p",), ("t", "!u"), ("/x",), 5_000_000, 2, QuietHours.parse("mon-fri 22:00-06:00"))
    assert Policy.from_json(policy.as_json()) == policy
    assert Policy.from_json({"quiet_hours": "22:00-06:00", "of a later version": 1}).quiet is not None


@pytest.mark.parametrize("kept", [{"projects": "demo"}, {"tags": [1]}, {"at_once": "4"}, {"bytes_per_second": -1}])
def test_what_is_of_a_wrong_type_is_not_taken(kept: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Policy.from_json(kept)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5MB/s", 5_000_000),
        ("500 kB", 500_000),
        ("1.5mb/s", 1_500_000),
        ("1MiB/s", 1 << 20),
        ("20Mbit/s", 2_500_000),
        ("1000", 1000),
        ("0", 0),
        ("none", 0),
    ],
)
def test_rates_are_read_as_people_write_them(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "5MB/h", "8kbps", "-1", "0.1", "5 quarts"])
def test_a_rate_that_can_not_be_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_rate(text)


@pytest.mark.parametrize("number", [0, 65])
def test_a_number_of_transfers_that_can_not_be_is_refused(number: int) -> None:
    with pytest.raises(UsageError, match="1 to 64"):
        checked_at_once(number)

"""`runstore remote`: hubs and W&B servers by name, and what a shell completes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import Bench

KEY = "0123456789" * 4
OWN = "http://wandb.example.org:8080"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def remote(bench: Bench, *arguments: str, code: int = 0, **extra: str) -> str:
    """Return what a command of `remote` says on stderr, with a netrc file of the test's own."""
    return bench.runstore("remote", *arguments, code=code, NETRC=str(bench.folder / "netrc"), **extra).stderr


def completed(bench: Bench, line: str) -> set[str]:
    """Return what a shell offers for the last word of a line."""
    words = line.split(" ")
    given = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_RUNSTORE_COMPLETE": "bash_complete"}
    return {offer.partition(",")[2] for offer in bench.runstore(code=0, **given).stdout.splitlines()}


def test_a_server_is_added_with_its_kind_and_listed_with_it(bench: Bench) -> None:
    said = remote(bench, "add", "cloud", f"{OWN}/", "--kind", "wandb", "--entity", "team")
    assert said.splitlines() == [
        f"runstore: remote cloud is the W&B server {OWN} team/*; try it: runstore sync --remote cloud",
        f"runstore: there is no API key for it yet; keep one: runstore login --host {OWN}",
    ]
    remote(bench, "add", "lab", "http://hub.example", "--token", "rs_x")
    cloud, lab = json.loads(bench.runstore("remote", "list", "--json", NETRC=str(bench.folder / "netrc")).stdout)
    assert cloud.items() >= {"kind": "wandb", "url": OWN, "entity": "team", "project": "", "has_token": False}.items()
    assert lab.items() >= {"kind": "hub", "url": "http://hub.example", "has_token": True}.items()
    shown = bench.runstore("remote", "list", NETRC=str(bench.folder / "netrc")).stdout.splitlines()
    assert shown[0].split() == ["NAME", "KIND", "URL", "TOKEN", "GETS"]
    assert shown[1].split() == ["cloud", "wandb", OWN, "team/*", "no", "everything"]
    assert shown[2].split() == ["lab", "hub", "http://hub.example", "yes", "everything"]


def test_a_key_that_is_kept_elsewhere_counts_and_is_never_shown(bench: Bench) -> None:
    said = remote(bench, "add", "cloud", "https://api.wandb.ai", WANDB_API_KEY=KEY)
    assert "no API key" not in said
    assert "is the W&B server https://api.wandb.ai;" in said
    bench.runstore("login", KEY, "--host", OWN, NETRC=str(bench.folder / "netrc"))
    remote(bench, "add", "own", OWN, "--kind", "wandb")
    listed = bench.runstore("remote", "list", "--json", NETRC=str(bench.folder / "netrc")).stdout
    assert [entry["has_token"] for entry in json.loads(listed)] == [False, True]
    assert KEY not in listed + (bench.folder / "home" / "remotes.json").read_text()


def test_a_place_in_a_hub_is_refused(bench: Bench) -> None:
    said = remote(bench, "add", "lab", "http://hub.example", "--project", "demo", code=2)
    assert said == (
        "runstore: lab is a hub, which takes runs as they are: --entity and --project are for W&B servers\n"
    )


def test_rules_are_kept_for_a_server_as_for_a_hub(bench: Bench) -> None:
    said = bench.sentence("remote", "set", "wandb", "--tag", "paper", code=3)
    assert "runstore remote add wandb URL" in said
    remote(bench, "add", "wandb", "https://api.wandb.ai")
    remote(bench, "set", "wandb", "--tag", "paper", "--rate", "5MB/s")
    (listed,) = bench.json("remote", "list")
    assert (listed["tags"], listed["bytes_per_second"], listed["kind"]) == (["paper"], 5_000_000, "wandb")


def test_a_server_cant_be_asked_for_runs(bench: Bench) -> None:
    said = bench.sentence("runs", "list", "--remote", "wandb", code=2)
    assert said == "runstore: wandb is a W&B server, which is only delivered to; a hub can be asked"


def test_a_shell_completes_names_where_they_fit(bench: Bench) -> None:
    remote(bench, "add", "lab", "http://hub.example")
    remote(bench, "add", "cloud", OWN, "--kind", "wandb")
    assert completed(bench, "runstore sync --remote ") == {"cloud", "lab", "wandb"}
    assert completed(bench, "runstore sync --remote w") == {"wandb"}
    assert completed(bench, "runstore daemon watch --remote c") == {"cloud"}
    assert completed(bench, "runstore remote set ") == {"cloud", "lab"}
    assert completed(bench, "runstore runs list --remote ") == {"lab"}
    assert completed(bench, "runstore remote add lab http://hub --kind ") == {"bundle", "hub", "wandb"}

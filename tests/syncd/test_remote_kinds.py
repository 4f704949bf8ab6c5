"""Remotes that are hubs and remotes that are W&B servers: how they are told apart, and where keys are found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runstore.errors import NotFound, RemoteRefused, SettingsError, UsageError
from runstore.settings import credentials
from runstore.settings.stock import DEFAULT_BASE_URL
from runstore.syncd import configuration, elsewhere
from runstore.syncd.configuration import Configuration, WatchedRoot
from runstore.syncd.fanout import FanOut
from runstore.syncd.policy import Policy
from runstore.syncd.remotes import servers
from runstore.syncd.remotes.configured import (
    ConfiguredRemote,
    RunOptions,
    add_remote,
    find_remote,
    identity_of,
    load_remotes,
    open_hub,
    open_remote,
    remotes_file,
    set_policy,
    the_only_remote,
)
from runstore.syncd.remotes.runs import RunRemote

KEY, OTHER_KEY = "0123456789" * 4, "abcdefghij" * 4
OWN = "http://wandb.example.org:8080"


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_MODE", "RUNSTORE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "stock"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.chdir(tmp_path)


def keep_key(url: str, key: str) -> None:
    credentials.store_key(key, url, os.environ)


# What is kept.


def test_a_file_of_before_is_read_as_it_was_meant() -> None:
    remotes_file().parent.mkdir(parents=True)
    remotes_file().write_text(json.dumps({"lab": {"url": "http://hub.example", "token": "rs_x"}}))
    assert load_remotes() == {"lab": ConfiguredRemote("http://hub.example", "rs_x", Policy(), "hub")}


def test_a_hub_is_kept_as_before_and_a_server_with_its_kind_and_place() -> None:
    add_remote("lab", "http://hub.example", "rs_x")
    add_remote("cloud", f"{OWN}/", "", "wandb", RunOptions("team", "paper"))
    kept = json.loads(remotes_file().read_text())
    assert kept["lab"] == {"url": "http://hub.example", "token": "rs_x"}
    assert kept["cloud"] == {"url": OWN, "token": "", "kind": "wandb", "entity": "team", "project": "paper"}
    assert load_remotes()["cloud"] == ConfiguredRemote(OWN, "", Policy(), "wandb", "team", "paper")


def test_what_a_server_gets_stays_when_it_is_added_again() -> None:
    add_remote("cloud", OWN, KEY, "wandb")
    set_policy("cloud", lambda policy: Policy(tags=("paper",)))
    add_remote("cloud", OWN, OTHER_KEY, "wandb", RunOptions(project="p"))
    assert load_remotes()["cloud"] == ConfiguredRemote(OWN, OTHER_KEY, Policy(tags=("paper",)), "wandb", "", "p")


def test_a_kind_that_nobody_knows_is_damage() -> None:
    remotes_file().parent.mkdir(parents=True)
    remotes_file().write_text(json.dumps({"lab": {"url": "http://hub.example", "token": "", "kind": "ftp"}}))
    with pytest.raises(SettingsError, match=r"remotes\.json: is damaged \('ftp' is no kind"):
        load_remotes()


# What is at an address.


@pytest.mark.parametrize("url", ["https://api.wandb.ai", "https://API.WANDB.AI/", DEFAULT_BASE_URL])
def test_addresses_of_wandbs_own_need_no_kind(url: str) -> None:
    assert add_remote("cloud", url, "").kind == "wandb"
    assert find_remote(url).kind == "wandb"


@pytest.mark.parametrize("url", ["https://notwandb.ai.example", "https://wandb.example", "http://mywandb.ai", "x"])
def test_nothing_is_guessed_of_other_addresses(url: str) -> None:
    assert not servers.is_certainly_wandb(url)


def test_an_address_that_was_added_is_what_it_was_added_as() -> None:
    add_remote("cloud", OWN, KEY, "wandb", RunOptions("team"))
    found = find_remote(f"{OWN}/")
    assert (found.kind, found.token, found.entity) == ("wandb", KEY, "team")
    assert find_remote("http://hub.example").kind == "hub"


def test_a_server_must_not_get_the_name_wandb_as_a_hub_by_mistake() -> None:
    with pytest.raises(UsageError, match="--kind wandb for a W&B server"):
        add_remote("wandb", OWN, "")
    assert add_remote("wandb", OWN, "", "hub").kind == "hub"
    assert add_remote("wandb", OWN, "", "wandb").kind == "wandb"


@pytest.mark.parametrize(
    ("url", "token", "kind", "said"),
    [
        ("https://wandb.ai", "", "", "https://api.wandb.ai"),
        ("wandb.example.org", "", "wandb", "address such as"),
        (OWN, "short", "wandb", "40 characters"),
        ("ftp://hub", "", "hub", "http"),
    ],
)
def test_what_is_wrong_with_an_address_or_key_is_said_when_it_is_added(
    url: str, token: str, kind: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        add_remote("one", url, token, kind)
    assert load_remotes() == {}


def test_a_hub_takes_runs_as_they_are() -> None:
    add_remote("lab", "http://hub.example", "rs_x")
    for options in (RunOptions("team"), RunOptions(project="p")):
        with pytest.raises(UsageError, match="lab is a hub, which takes runs as they are"):
            open_remote("lab", options)
        with pytest.raises(UsageError, match="is a hub"):
            add_remote("other", "http://hub.example", "rs_x", "", options)


# The server of the settings.


def test_the_name_wandb_is_the_server_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_remote("wandb") == ConfiguredRemote(DEFAULT_BASE_URL, "", kind="wandb")
    monkeypatch.setenv("WANDB_BASE_URL", OWN)
    assert find_remote("wandb").url == OWN
    add_remote("wandb", "https://api.wandb.ai", "")
    assert find_remote("wandb").url == "https://api.wandb.ai"


def test_a_name_without_anything_kept_has_no_rules() -> None:
    with pytest.raises(NotFound, match="runstore remote add wandb URL"):
        set_policy("wandb", lambda policy: policy)


def test_without_a_remote_both_ways_are_named() -> None:
    with pytest.raises(UsageError, match=r"remote add NAME URL.*--remote wandb"):
        the_only_remote()


# Keys.


def test_no_key_is_one_sentence_that_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RemoteRefused, match=f"no API key for {DEFAULT_BASE_URL}: `runstore login`"):
        open_remote("wandb")
    add_remote("cloud", OWN, "", "wandb")
    with pytest.raises(RemoteRefused, match=f"`runstore login --host {OWN}`"):
        open_remote("cloud")
    monkeypatch.setenv("WANDB_BASE_URL", OWN)
    with pytest.raises(RemoteRefused, match="`runstore login`"):
        open_remote("cloud")


def test_the_variable_goes_before_what_is_kept_for_the_server_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_key(DEFAULT_BASE_URL, OTHER_KEY)
    assert servers.find_key(DEFAULT_BASE_URL) == OTHER_KEY
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert servers.find_key(DEFAULT_BASE_URL) == KEY


def test_what_is_kept_for_another_server_is_not_replaced_by_a_key_that_is_not_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert servers.find_key(OWN) == KEY  # there is no other
    keep_key(OWN, OTHER_KEY)
    assert servers.find_key(OWN) == OTHER_KEY
    assert servers.find_key(DEFAULT_BASE_URL) == KEY


def test_a_key_in_a_settings_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "stock").mkdir()
    (tmp_path / "stock" / "settings").write_text(f"[default]\nbase_url = {OWN}\napi_key = {KEY}\n")
    assert find_remote("wandb").url == OWN
    assert servers.find_key(OWN) == KEY


def test_a_server_is_opened_with_its_place_and_without_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    add_remote("cloud", OWN, "", "wandb", RunOptions("team"))
    remote = open_remote("cloud", RunOptions(project="paper"))
    assert isinstance(remote, RunRemote)
    assert (remote.name, remote.address) == ("cloud", OWN)
    assert remote.place_of("me", "demo") == ("team", "paper")
    assert remote.identity() == identity_of("cloud", RunOptions(project="paper")) != identity_of("cloud")
    remote.close()


def test_the_identity_of_a_server_needs_no_key() -> None:
    assert identity_of("wandb") == f"wandb:{DEFAULT_BASE_URL}"


# Who else reads the remotes.


def test_only_hubs_are_asked_for_runs_and_artifacts() -> None:
    add_remote("cloud", OWN, KEY, "wandb")
    with pytest.raises(UsageError, match="is a W&B server, which is only delivered to"):
        open_hub("cloud")
    assert elsewhere.fetch_blob(["md5-" + "0" * 32], Path("x")) is False  # and nobody was asked


def test_a_folder_may_name_the_server_of_the_settings() -> None:
    kept = Configuration((WatchedRoot(Path("/data"), remotes=("wandb",)),))
    assert FanOut.of(kept, {}).targets == ("wandb",)
    assert FanOut.of(kept, {}).unknown == {}


def test_another_server_of_the_settings_is_another_place(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration.change(lambda kept: kept.with_root(WatchedRoot(Path("/data"), remotes=("wandb",))))
    before = FanOut.load()
    assert before.targets == ("wandb",)
    assert before.is_where("wandb", FanOut.load())
    monkeypatch.setenv("WANDB_BASE_URL", OWN)
    assert not FanOut.load().is_where("wandb", before)


def test_another_place_at_the_same_server_is_another_place() -> None:
    places = []
    for options in (RunOptions(), RunOptions(), RunOptions("team")):
        add_remote("cloud", OWN, "", "wandb", options)
        places.append(FanOut.load())
    assert places[1].is_where("cloud", places[0])
    assert not places[2].is_where("cloud", places[1])


def test_a_daemon_that_only_indexes_loads_no_http_client() -> None:
    source = "import sys, runstore.syncd.fanout, runstore.syncd.remotes.configured; assert 'httpx' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", source], cwd=Path(__file__).parents[2], check=False).returncode == 0

"""What the daemon is to do, kept in a file, and which target gets which log by it."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from runstore.errors import NotFound, SettingsError, StorageError, UsageError
from runstore.syncd import configuration
from runstore.syncd.configuration import Configuration, WatchedRoot
from runstore.syncd.fanout import FanOut
from runstore.syncd.policy import Policy
from runstore.syncd.remotes.configured import add_remote, load_remotes, remotes_file, set_policy

DATA, DEEP = Path("/data"), Path("/data/team/deep")


def with_roots(*roots: WatchedRoot) -> Configuration:
    return Configuration(roots=roots)


def test_nothing_is_kept_at_first() -> None:
    assert configuration.load() == Configuration()


def test_what_is_changed_is_there_the_next_time_and_is_the_owners_alone() -> None:
    root = WatchedRoot(DATA, ("*.old", "scratch"), ("lab", "home"))
    configuration.change(lambda kept: kept.with_root(root).with_root(WatchedRoot(DEEP, remotes=())))
    configuration.change(lambda kept: kept.with_paused(["lab"]))
    assert configuration.load() == Configuration((root, WatchedRoot(DEEP, remotes=())), ("lab",))
    assert stat.S_IMODE(configuration.configuration_file().stat().st_mode) == 0o600


def test_a_folder_with_bytes_that_are_no_text_is_kept_as_it_is() -> None:
    root = WatchedRoot(Path("/data/\udcff\n"))
    configuration.change(lambda kept: kept.with_root(root))
    assert configuration.load().roots == (root,)


def test_folders_are_there_once_and_can_be_taken_away() -> None:
    kept = with_roots(WatchedRoot(DATA)).with_root(WatchedRoot(DATA, ("x",)))
    assert kept.roots == (WatchedRoot(DATA, ("x",)),)
    assert kept.without_root(DATA) == Configuration()


def test_pausing_is_of_names_and_repeats_without_effect() -> None:
    kept = Configuration().with_paused(["a", "b"]).with_paused(["b"])
    assert kept.paused == ("a", "b")
    assert kept.with_resumed(["a", "c"]).paused == ("b",)


def test_changes_at_the_same_time_are_all_kept() -> None:
    def add(n: int) -> None:
        configuration.change(lambda kept: kept.with_root(WatchedRoot(Path(f"/data/{n}"))))

    threads = [threading.Thread(target=add, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(configuration.load().roots) == 20


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"roots": [{}]}',
        '{"roots": [{"path": "relative"}]}',
        '{"roots": [{"path": "/x", "ignore": "y"}]}',
        '{"paused": "lab"}',
        '{"metrics_port": "9"}',
        '{"roots": 5}',
    ],
)
def test_a_file_that_can_not_be_understood_is_named_and_left_as_it_is(content: str) -> None:
    file = configuration.configuration_file()
    file.parent.mkdir(parents=True)
    file.write_text(content)
    with pytest.raises(SettingsError, match=r"daemon\.json"):
        configuration.change(lambda kept: kept.with_paused(["lab"]))
    assert file.read_text() == content


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises((StorageError, SettingsError), match="RUNSTORE_HOME|can't be read"):
        configuration.change(lambda kept: kept.with_paused(["lab"]))


def test_the_innermost_folder_says_where_a_log_goes() -> None:
    kept = with_roots(WatchedRoot(DATA, remotes=("lab",)), WatchedRoot(DEEP, remotes=("home",)))
    fan_out = FanOut.of(kept, {"lab": Policy(), "home": Policy(), "idle": Policy()})
    assert fan_out.targets == ("home", "lab")
    assert fan_out.targets_of(DATA / "a.wandb", "p", "e", ()) == ("lab",)
    assert fan_out.targets_of(DEEP / "a.wandb", "p", "e", ()) == ("home",)
    assert fan_out.targets_of(Path("/elsewhere/a.wandb"), "p", "e", ()) == ()


def test_a_folder_that_names_no_remote_goes_to_all_and_one_that_names_none_nowhere() -> None:
    kept = with_roots(WatchedRoot(DATA), WatchedRoot(DEEP, remotes=()))
    fan_out = FanOut.of(kept, {"lab": Policy(), "home": Policy()})
    assert fan_out.targets_of(DATA / "a.wandb", "p", "e", ()) == ("home", "lab")
    assert fan_out.targets_of(DEEP / "a.wandb", "p", "e", ()) == ()
    assert FanOut.of(with_roots(WatchedRoot(DEEP, remotes=())), {"lab": Policy()}).targets == ()


def test_each_target_filters_for_itself() -> None:
    fan_out = FanOut.of(with_roots(WatchedRoot(DATA)), {"lab": Policy(tags=("paper",)), "home": Policy()})
    assert fan_out.targets_of(DATA / "a.wandb", "p", "e", iter(["paper"])) == ("home", "lab")
    assert fan_out.targets_of(DATA / "a.wandb", "p", "e", ()) == ("home",)


def test_a_url_is_a_target_and_a_name_that_is_not_known_is_told() -> None:
    url = "http://hub.example"
    kept = with_roots(WatchedRoot(DATA, remotes=(url, "gone")))
    fan_out = FanOut.of(kept, {"lab": Policy()})
    assert fan_out.targets_of(DATA / "a.wandb", "p", "e", ()) == (url,)
    assert fan_out.unknown == {"gone": [DATA]}


def test_what_a_remote_gets_is_kept_with_it_and_survives_a_new_token() -> None:
    add_remote("lab", "http://hub.example", "one")
    assert remotes_file().read_text().count("policy") == 0
    set_policy("lab", lambda policy: Policy(policy.projects, tags=("paper",), at_once=2))
    add_remote("lab", "http://hub.example", "two")
    assert load_remotes()["lab"].policy == Policy(tags=("paper",), at_once=2)
    assert FanOut.load().policies == {"lab": Policy(tags=("paper",), at_once=2)}
    with pytest.raises(NotFound, match="lab"):
        set_policy("lob", lambda policy: policy)


@pytest.mark.parametrize("policy", [{"quiet_hours": "late"}, {"at_once": 0}, {"projects": "demo"}, []])
def test_a_policy_that_can_not_be_understood_is_named(policy: object) -> None:
    remotes_file().parent.mkdir(parents=True)
    remotes_file().write_text(json.dumps({"lab": {"url": "http://hub.example", "token": "", "policy": policy}}))
    with pytest.raises(SettingsError, match=r"remotes\.json"):
        load_remotes()


@pytest.mark.parametrize("name", ["all", "none", "a/b", "a:b", ""])
def test_words_that_stand_for_something_else_are_no_names(name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        add_remote(name, "http://hub.example", "t")

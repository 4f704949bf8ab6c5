"""`runstore offline`, `online`, `disabled`, `enabled`, `login`: files that W&B's own tools read and write too."""

from __future__ import annotations

import json
import netrc
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import Bench
from tests.conformance.stock import STOCK_VERSIONS, run_script

KEY = "0123456789" * 4
OTHERS = '# mine\nmachine other.example.org\n  login me\n  password "p w"\nmachine one.example.org login a password b\n'


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def settings_in(folder: Path) -> str:
    return (folder / "wandb" / "settings").read_text(encoding="utf-8")


# Modes.


@pytest.mark.parametrize(
    ("command", "mode"),
    [("offline", "offline"), ("online", "online"), ("disabled", "disabled"), ("enabled", "online")],
)
def test_a_mode_is_kept_for_programs_in_the_folder(command: str, mode: str, bench: Bench) -> None:
    kept = bench.json(command)
    assert kept == {"mode": mode, "file": "wandb/settings", "changed": True, "mode_in_force": mode}
    assert settings_in(bench.folder) == f"[default]\nmode = {mode}\n\n"
    assert bench.json(command)["changed"] is False
    assert bench.json("settings")["mode"] == {"value": mode, "source": "wandb/settings"}
    done = bench.train("import runstore; print(runstore.init().settings.mode)")
    assert done.stdout == f"{mode}\n", done.stderr


def test_what_each_mode_means_is_said_on_stderr(bench: Bench) -> None:
    said = bench.runstore("disabled")
    assert said.stdout == ""
    assert said.stderr == (
        "runstore: disabled: programs in this folder record nothing; undo it with: runstore enabled\n"
    )


def test_other_settings_in_the_file_stay(bench: Bench) -> None:
    (bench.folder / "wandb").mkdir()
    (bench.folder / "wandb" / "settings").write_text("[default]\nentity = team\nmode = online\n")
    bench.runstore("offline")
    assert settings_in(bench.folder) == "[default]\nentity = team\nmode = offline\n\n"


def test_a_variable_that_goes_before_is_named(bench: Bench) -> None:
    said = bench.runstore("offline", WANDB_MODE="disabled").stderr
    assert said.startswith("runstore: WANDB_MODE says disabled and goes before wandb/settings\n")
    assert bench.json("offline", WANDB_MODE="disabled")["mode_in_force"] == "disabled"


def test_a_folder_that_cant_be_written_is_one_sentence(bench: Bench) -> None:
    (bench.folder / "wandb").write_text("")
    assert "wandb/settings: can't be written" in bench.sentence("offline", code=6)


def test_stock_reads_what_we_keep_and_we_read_what_stock_keeps(bench: Bench) -> None:
    bench.runstore("disabled")
    mode = "import wandb; print(wandb.setup().settings.mode)"
    # The tests' stock is told to be offline, which goes before the file.
    plain = f"import os; del os.environ['WANDB_MODE']; {mode}"
    done = run_script(STOCK_VERSIONS[0], plain, bench.folder)
    assert done.stdout.splitlines()[-1:] == ["disabled"], done.stderr
    for command, kept in (("enabled", "online"), ("offline", "offline"), ("disabled", "disabled")):
        source = f"import sys; sys.argv = ['wandb', '{command}']; from wandb.cli.cli import cli; cli()"
        done = run_script(STOCK_VERSIONS[0], source, bench.folder)
        assert done.returncode == 0, done.stderr
        assert settings_in(bench.folder) == f"[default]\nmode = {kept}\n\n"
        assert bench.json("settings")["mode"]["value"] == kept


# Login.


def login(bench: Bench, *arguments: str, code: int = 0, **extra: str) -> subprocess.CompletedProcess[str]:
    return bench.runstore("login", *arguments, code=code, NETRC=str(bench.folder / "netrc"), **extra)


def test_a_key_is_kept_beside_other_entries_for_its_owner_only(bench: Bench) -> None:
    file = bench.folder / "netrc"
    file.write_text(OTHERS)
    file.chmod(0o644)
    said = login(bench, KEY, "--host", "http://wandb.example.org:8080/").stderr
    assert said == f"runstore: the key for http://wandb.example.org:8080 is in {file}\n"
    assert file.read_text() == f"{OTHERS}machine wandb.example.org:8080\n  login user\n  password {KEY}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    login(bench, KEY[::-1])  # for the same server, which is this user's now
    assert 'password "p w"' in file.read_text()
    try:
        hosts = netrc.netrc(str(file)).hosts
    except netrc.NetrcParseError:  # that of Python 3.10 knows no quotes
        assert KEY[::-1] in file.read_text()
        return
    assert hosts["wandb.example.org:8080"][2] == KEY[::-1]
    assert hosts["other.example.org"][2] == "p w"
    assert hosts["one.example.org"][2] == "b"
    assert len(hosts) == 3


def test_the_usual_server_is_taken_out_of_the_settings(bench: Bench) -> None:
    login(bench, KEY, "--host", "http://wandb.example.org")
    settings = bench.folder / "stock" / "settings"
    assert settings.read_text() == "[default]\nbase_url = http://wandb.example.org\n\n"
    login(bench, KEY, "--host", "https://api.forge.coreweave.com")
    assert settings.read_text() == "[default]\n\n"


def test_a_link_stays_a_link(bench: Bench) -> None:
    real = bench.folder / "dotfiles"
    real.write_text(OTHERS)
    (bench.folder / "netrc").symlink_to(real)
    login(bench, KEY)
    assert (bench.folder / "netrc").is_symlink()
    assert KEY in real.read_text()


def test_where_there_is_a_key_none_is_asked_for(bench: Bench) -> None:
    said = login(bench, WANDB_API_KEY=KEY).stderr
    assert "there is a key for https://api.forge.coreweave.com already, from WANDB_API_KEY" in said
    assert not (bench.folder / "netrc").exists()


def test_without_a_terminal_nothing_is_asked(bench: Bench) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runstore", "login", "--relogin"],
        cwd=bench.folder,
        env={**bench.environment, "NETRC": str(bench.folder / "netrc")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr == "runstore: there is no key and no terminal to ask on; give it: runstore login KEY\n"


def test_on_a_terminal_the_key_is_asked_for_without_echo(bench: Bench) -> None:
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "runstore", "login"],
        cwd=bench.folder,
        env={**bench.environment, "NETRC": str(bench.folder / "netrc")},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    try:
        while b"API key: " not in shown:
            shown += os.read(main, 1024)
        os.write(main, f"{KEY}\n".encode())
        while b" is in " not in shown:
            shown += os.read(main, 1024)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(main)
    assert KEY.encode() not in shown
    assert KEY in (bench.folder / "netrc").read_text()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["short"], "this is no API key: one has 40 characters or more, this has 5"),
        (["k" * 40 + "!"], "this is no API key: one has letters, digits and underscores only"),
        ([KEY, "--host", "wandb.example.org"], "base_url='wandb.example.org' (from argument) can't be used"),
        ([KEY, "--host", "https://wandb.ai"], "W&B's own server is https://api.wandb.ai"),
    ],
)
def test_what_cant_be_meant_is_refused(arguments: list[str], reason: str, bench: Bench) -> None:
    said = bench.sentence("login", *arguments, code=2, NETRC=str(bench.folder / "netrc"))
    assert reason in said
    assert not (bench.folder / "netrc").exists()


def test_a_key_is_never_shown_by_settings(bench: Bench) -> None:
    extra = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": "https://me:secret@wandb.example.org"}
    as_json = bench.runstore("settings", "--json", code=0, **extra).stdout
    shown = bench.runstore("settings", code=0, **extra).stdout + as_json
    assert KEY not in shown
    assert "secret" not in shown
    assert "https://...@wandb.example.org" in shown
    assert json.loads(as_json)["api_key"] == {"value": "set", "source": "WANDB_API_KEY"}


def test_stock_finds_our_key_and_we_find_stocks(bench: Bench) -> None:
    host, file = "https://wandb.example.org", bench.folder / "netrc"
    login(bench, f"local-{KEY}", "--host", host)
    source = f"""
from wandb.sdk.lib.wbauth import wbnetrc
print(wbnetrc.read_netrc_auth(host={host!r}))
wbnetrc.write_netrc_auth(host="https://second.example.org", api_key={KEY!r})
"""
    done = run_script(STOCK_VERSIONS[0], source, bench.folder, env={"NETRC": str(file)})
    assert done.stdout.splitlines()[-1:] == [f"local-{KEY}"], done.stderr
    said = login(bench, "--host", "https://second.example.org").stderr
    assert f"there is a key for https://second.example.org already, from {file}" in said

"""Settings: where each value comes from, and what is said of one that can't be used."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

from runstore.errors import SettingsError, StorageError
from runstore.settings import SETTINGS, RunMoment, Settings, resolve, settings_file, stock, variable_of
from tests.conformance.stock import STOCK_VERSIONS, run_script


@pytest.fixture(autouse=True)
def nobodys_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be nobody, in an empty folder: no settings of the person who runs the tests count."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WANDB_CONFIG_DIR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def write(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(values), encoding="utf-8")


def test_an_argument_goes_before_the_environment_before_the_file_before_the_default(file: Path) -> None:
    write(file, project="from file", entity="from file", run_name="from file")
    settings = resolve(
        {"project": "from argument", "entity": None},
        {"WANDB_PROJECT": "from environment", "WANDB_ENTITY": "from environment"},
        file,
    )
    assert (settings.project, settings.entity, settings.run_name) == ("from argument", "from environment", "from file")
    assert settings.root_dir == "."
    sources = {name: settings.sources[name] for name in ("project", "entity", "run_name", "root_dir")}
    assert sources == {"project": "argument", "entity": "WANDB_ENTITY", "run_name": str(file), "root_dir": "default"}
    assert set(settings.sources) == {setting.name for setting in SETTINGS}


def test_an_empty_variable_and_a_missing_file_say_nothing(file: Path) -> None:
    assert resolve({}, {"WANDB_PROJECT": "", "WANDB_MODE": ""}, file) == Settings()


def test_an_argument_that_is_false_or_empty_still_counts(file: Path) -> None:
    settings = resolve({"project": "", "silent": False}, {"WANDB_PROJECT": "p", "WANDB_SILENT": "true"}, file)
    assert (settings.project, settings.silent) == ("", False)


def test_the_file_lies_in_the_home_where_one_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path))
    assert settings_file() == tmp_path / "settings.json"
    write(settings_file(), project="p")
    assert resolve({}, {}).project == "p"


def test_every_setting_has_a_variable_and_a_meaning() -> None:
    variables = [variable_of(setting.name) for setting in SETTINGS]
    assert len(set(variables)) == len(variables)
    for setting in SETTINGS:
        assert variable_of(setting.name).startswith(("WANDB_", "RUNSTORE_"))
        assert setting.metadata["help"]


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("mode", "dryrun", "offline"),
        ("mode", "run", "online"),
        ("mode", "shared", "online"),
        ("mode", "disabled", "disabled"),
        ("console", "auto", "auto"),
        ("console", "redirect", "redirect"),
        ("console", "wrap_emu", "wrap"),
        ("console", "off", "off"),
        ("resume", True, "auto"),
        ("resume", False, ""),
        ("resume", "must", "must"),
        ("silent", "TRUE", True),
        ("silent", "0", False),
        ("typed", "1", True),
        ("fsync", "always", 0.0),
        ("fsync", "never", math.inf),
        ("fsync", "0.25", 0.25),
        ("fsync", 3, 3.0),
        ("run_tags", "a, b,,c ", ("a", "b", "c")),
        ("run_tags", ["a", 1], ("a", "1")),
        ("root_dir", Path("x/y"), "x/y"),
        ("run_id", 5, "5"),
        ("reinit", True, "finish_previous"),
        ("reinit", "false", "return_previous"),
        ("reinit", "create_new", "create_new"),
        ("disable_git", "anything", True),
        ("disable_git", "false", False),
        ("ignore_globs", "*.tmp,*.pt", ("*.tmp", "*.pt")),
        ("ignore_globs", ["a", "b"], ("a", "b")),
        ("x_stats_gpu_device_ids", "[0, 2]", (0, 2)),
        ("x_stats_gpu_device_ids", "0,2", (0, 2)),
        ("x_stats_gpu_device_ids", [1], (1,)),
        ("x_stats_pid", "12", 12),
        ("x_stats_disk_paths", "/,/data", ("/", "/data")),
        ("x_stats_sampling_interval", "2", 2.0),
        ("fork_from", "abc?_step=12", RunMoment("abc", 12)),
        ("resume_from", "abc?_step=1.5", RunMoment("abc", 1.5)),
        ("resume_from", RunMoment("abc", 3), RunMoment("abc", 3)),
        ("capture_loggers", {"app": "INFO"}, {"app": "INFO"}),
        ("capture_loggers", '{"app": "INFO"}', {"app": "INFO"}),
        ("base_url", "https://wandb.example.org/ ", "https://wandb.example.org"),
        ("root_dir", "~/runs", None),
    ],
)
def test_values_are_understood_as_people_write_them(name: str, given: Any, value: Any, file: Path) -> None:
    expected = str(Path("~/runs").expanduser()) if value is None else value
    settings = resolve({name: given}, {}, file)
    assert getattr(settings, name) == expected
    assert getattr(Settings(**{name: getattr(settings, name)}), name) == expected


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("mode", "onlin", "modes are offline, online, disabled"),
        ("console", "loud", "it is auto, wrap, redirect or off"),
        ("resume", "perhaps", "it is allow, must, never or auto"),
        ("reinit", "perhaps", "it is default, return_previous, finish_previous or create_new"),
        ("project", "a/b", "it has up to 128 characters and none of / \\ # ? % :"),
        ("run_tags", "x" * 65, "a tag has up to 64 characters"),
        ("x_stats_sampling_interval", "0.05", "it is a number of seconds, 0.1 or more"),
        ("x_stats_sampling_interval", "often", "it is a number of seconds, 0.1 or more"),
        ("x_stats_pid", "me", "it is a whole number"),
        ("x_start_time", "now", "it is a number"),
        ("fork_from", "abc", "it is written as <run id>?_step=<number>"),
        ("fork_from", "abc?loss=1", "it is written as <run id>?_step=<number>"),
        ("fork_from", "abc?_step=x", "it is written as <run id>?_step=<number>"),
        ("base_url", "wandb.example.org", "it is an address such as https://wandb.example.org"),
        ("base_url", "https://a b", "it is an address such as https://wandb.example.org"),
        ("base_url", "https://wandb.ai", "W&B's own server is https://api.wandb.ai"),
        ("silent", "maybe", "it is true or false"),
        ("fsync", "often", "it is a number of seconds, always or never"),
        ("fsync", "-1", "it is a number of seconds, always or never"),
        ("fsync", "nan", "it is a number of seconds, always or never"),
    ],
)
def test_a_value_that_cant_be_used_is_named_with_its_source(name: str, given: str, reason: str, file: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        resolve({}, {variable_of(name): given}, file)
    assert str(refused.value) == f"{variable_of(name)}={given!r} (from environment) can't be used: {reason}"
    write(file, **{name: given})
    with pytest.raises(SettingsError, match=re.escape(f"{name}={given!r}")):
        resolve({}, {}, file)


@pytest.mark.parametrize(
    ("name", "given"),
    [("fsync", [1]), ("fsync", None), ("run_tags", 5), ("mode", {}), ("silent", []), ("run_name", None)],
)
def test_a_value_of_a_wrong_type_in_the_file_is_named(name: str, given: Any, file: Path) -> None:
    write(file, **{name: given})
    with pytest.raises(SettingsError, match=f"{name}=.* \\(from {file}\\) can't be used"):
        resolve({}, {}, file)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not valid JSON"),
        ("[1]", "must hold one JSON object"),
        ('{"projct": "p"}', "knows no setting 'projct'; did you mean 'project'? (`runstore settings` lists them)"),
        ('{"zzzzzzzz": "p"}', "knows no setting 'zzzzzzzz'; `runstore settings` lists them"),
        ("caf\udce9", "is not valid JSON"),
    ],
)
def test_a_file_that_cant_be_used_is_named(content: str, reason: str, file: Path) -> None:
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError) as refused:
        resolve({}, {}, file)
    assert str(refused.value).startswith(f"{file}: {reason}")


# The order of the sources.


def write_stock(file: Path, **values: str) -> None:
    stock.write(file, values)


def test_each_source_goes_before_the_next(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = ["argument", "settings", "WANDB_ENTITY", "wandb/settings", str(file), "conf/settings"]
    write_stock(tmp_path / "conf" / "settings", entity="conf/settings")
    write(file, entity=str(file))
    write_stock(tmp_path / "wandb" / "settings", entity="wandb/settings")
    environment = {"WANDB_CONFIG_DIR": "conf", "WANDB_ENTITY": "WANDB_ENTITY"}
    arguments = {"entity": "argument"}
    given: Settings | None = Settings(entity="settings")
    for source in sources:
        settings = resolve(arguments, environment, file, given)
        assert (settings.entity, settings.sources["entity"]) == (source, source)
        if source == "argument":
            arguments = {}
        elif source == "settings":
            given = None
        elif source == "WANDB_ENTITY":
            del environment["WANDB_ENTITY"]
        else:
            Path(source).unlink()
    assert resolve({}, environment, file).entity == ""


def test_a_made_settings_counts_only_with_what_it_was_given(file: Path) -> None:
    environment = {"WANDB_MODE": "disabled", "WANDB_PROJECT": "from environment"}
    settings = resolve({}, environment, file, Settings(mode="offline", entity=None))
    assert (settings.mode, settings.project) == ("offline", "from environment")
    assert resolve({}, environment, file, {"project": "p", "mode": None}).project == "p"
    assert resolve({}, environment, file, {"project": "p", "mode": None}).mode == "disabled"
    with pytest.raises(SettingsError, match="must be a runstore.Settings or a dict, not int"):
        resolve({}, {}, file, 5)  # type: ignore[arg-type]


def test_settings_that_are_replaced_remember_what_was_given() -> None:
    settings = dataclasses.replace(Settings(mode="offline"), console="off")
    assert settings.given() == {"mode": "offline", "console": "off"}
    assert repr(settings) == "Settings(mode='offline', console='off')"
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert copy.deepcopy(settings).given() == settings.given()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.mode = "online"  # type: ignore[misc]


def test_what_only_one_of_can_be_set_is_refused_together() -> None:
    with pytest.raises(SettingsError, match="resume and fork_from can't be set together"):
        Settings(resume="allow", fork_from="abc?_step=1")
    Settings(resume=False, fork_from="abc?_step=1")


def test_code_that_is_disabled_is_not_saved(file: Path) -> None:
    assert resolve({"save_code": True}, {"WANDB_DISABLE_CODE": "true"}, file).save_code is False
    assert resolve({}, {"WANDB_SAVE_CODE": "true"}, file).save_code is True
    assert resolve({}, {}, file).save_code is None


# What W&B's client knows.


@pytest.mark.parametrize(
    ("variable", "name", "given", "value"),
    [
        ("WANDB__DISABLE_STATS", "x_disable_stats", "true", True),
        ("WANDB_X_DISABLE_STATS", "x_disable_stats", "true", True),
        ("WANDB_RUN_NAME", "run_name", "n", "n"),
        ("WANDB_USER_EMAIL", "email", "a@b", "a@b"),
        ("WANDB_EMAIL", "email", "a@b", "a@b"),
        ("WANDB__STATS_SAMPLING_INTERVAL", "x_stats_sampling_interval", "5", 5.0),
    ],
)
def test_variables_have_the_other_names_that_stock_reads(
    variable: str, name: str, given: str, value: Any, file: Path
) -> None:
    settings = resolve({}, {variable: given}, file)
    assert (getattr(settings, name), settings.sources[name]) == (value, variable)


def test_the_usual_name_of_a_variable_goes_before_its_others(file: Path) -> None:
    both = {"WANDB_X_LABEL": "usual", "WANDB__LABEL": "other", "WANDB_NAME": "usual", "WANDB_RUN_NAME": "other"}
    settings = resolve({}, both, file)
    assert (settings.x_label, settings.run_name) == ("usual", "usual")


def test_names_of_older_versions_and_names_without_effect_are_taken() -> None:
    settings = Settings(
        _disable_stats=True, _stats_sample_rate_seconds=3, start_method="thread", init_timeout=5, x_service_wait=1
    )
    assert settings.given() == {"x_disable_stats": True, "x_stats_sampling_interval": 3.0}


def test_a_name_that_nobody_knows_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match="settings: knows no setting 'consol'; did you mean 'console'"):
        Settings(consol="off")
    with pytest.raises(SettingsError, match="settings: knows no setting '_disable_stat'; did you mean 'x_disable_s"):
        Settings(_disable_stat=True)


def test_every_setting_of_stock_is_known_with_its_default(tmp_path: Path) -> None:
    done = run_script(STOCK_VERSIONS[0], STOCK_SETTINGS, tmp_path)
    assert done.returncode == 0, done.stderr
    defaults = json.loads(done.stdout.splitlines()[-1])
    ours = {setting.name: setting.default for setting in SETTINGS}
    assert set(defaults) - set(ours) - stock.WITHOUT_EFFECT == set()
    assert set(ours) & stock.WITHOUT_EFFECT == set()
    assert set(ours) - set(defaults) == {"crashed_after", "fsync", "typed"}
    differing = {
        name: (ours[name], defaults[name])
        for name in set(ours) & set(defaults)
        # None and "" both say that nothing was given.
        if (json.loads(json.dumps(ours[name])) or None) != (defaults[name] or None)
    }
    # Runs are recorded here without a server; the folder and the process are those of the moment.
    assert differing.keys() == {"mode", "root_dir", "console", "x_stats_pid"}
    assert differing["console"] == ("auto", "wrap")  # stock shows what it makes of "auto"


STOCK_SETTINGS = """
import json
from wandb.sdk.wandb_settings import Settings
made = Settings()
print(json.dumps({name: getattr(made, name) for name in Settings.model_fields}, default=str))
"""


def test_what_programs_read_of_stocks_settings_is_there() -> None:
    settings = Settings(mode="offline", root_dir="/data", run_id="abc", x_start_time=1.7e9)
    assert (settings.run_mode, settings.wandb_dir) == ("offline-run", "/data/wandb")
    assert settings.sync_dir == f"/data/wandb/offline-run-{settings.timespec}-abc"
    assert settings.sync_file == f"{settings.sync_dir}/run-abc.wandb"
    assert settings.files_dir == f"{settings.sync_dir}/files"
    assert (settings._offline, settings._noop, settings._shared, settings._jupyter) == (True, False, False, False)
    assert (settings.is_local, settings.deployment) == (False, "cloud")
    assert Settings(base_url="http://localhost:8080").is_local
    assert (settings.project_url, settings.run_url, settings.sweep_url) == ("", "", "")


def test_a_key_is_never_shown() -> None:
    key = "secret " * 7
    with pytest.raises(SettingsError) as refused:
        Settings(api_key=key)
    assert "secret" not in str(refused.value)
    assert "secret" not in repr(Settings(api_key=key.replace(" ", "")))


# The files of stock tools.


def test_a_file_of_stock_tools_is_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "settings"
    assert stock.read(path) == {}
    assert stock.write(path, {"mode": "offline", "entity": "100%"})
    assert path.read_text() == "[default]\nmode = offline\nentity = 100%\n\n"
    assert not stock.write(path, {"mode": "offline"})
    assert stock.write(path, {"mode": None, "absent": None})
    assert stock.read(path) == {"entity": "100%"}
    assert [one.name for one in path.parent.iterdir()] == ["settings"]


def test_names_that_nobody_here_knows_hinder_nothing(file: Path, tmp_path: Path) -> None:
    write_stock(tmp_path / "wandb" / "settings", of_a_later_version="1", root_dir="/elsewhere", mode="disabled")
    settings = resolve({}, {}, file)
    assert (settings.mode, settings.root_dir) == ("disabled", ".")


@pytest.mark.parametrize("content", [b"mode = offline", b"[default]\nmode", b"\xff\xfe"])
def test_a_file_of_stock_tools_that_cant_be_used_is_named(content: bytes, file: Path, tmp_path: Path) -> None:
    path = tmp_path / "wandb" / "settings"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="wandb/settings: is no settings file .*; correct it or delete it"):
        resolve({}, {}, file)


def test_a_value_that_cant_be_used_is_named_with_its_file(file: Path, tmp_path: Path) -> None:
    write_stock(tmp_path / "wandb" / "settings", mode="onlin")
    with pytest.raises(SettingsError, match=r"mode='onlin' \(from wandb/settings\) can't be used"):
        resolve({}, {}, file)


def test_a_hidden_folder_goes_before_the_other_as_in_stock(file: Path, tmp_path: Path) -> None:
    write_stock(tmp_path / "wandb" / "settings", mode="online")
    write_stock(tmp_path / ".wandb" / "settings", mode="disabled")
    assert resolve({}, {}, file).mode == "disabled"


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="nothing was changed"):
        stock.write(tmp_path / "file" / "settings", {"mode": "offline"})

"""The files that are made of all that a run's logs say."""

from __future__ import annotations

import json
import math
from typing import Any

import yaml

from runstore.syncd.runwise.content.generated import generated_files
from tests.syncd.runwise.runs import run_of

TEXTS = ["123", "yes", "null", "~", "", "- x", "a: b", "# x", "2026-01-02", " a ", "a\nb\n", "tab\t", "1e5", ".inf"]
TEXTS += ["züge 🚂", "\u2028", "q\"'", "x " * 100, "a\\b", "true", "<<", "*a", "&a", "\x07"]


def files_of(run: Any, heads: Any = ({},), console: Any = ()) -> dict[str, str]:
    files = generated_files(run, heads, console)
    found = {}
    for file in files:
        assert isinstance(file.source, bytes)
        found[file.path] = file.source.decode()
    return found


def test_config_reads_back_from_its_yaml() -> None:
    shared = {"twice": [1]}
    config = {"texts": TEXTS, "keys": dict.fromkeys(TEXTS, 1), "inf": math.inf, "tiny": 1e-7, "big": 1e21}
    config |= {"none": None, "lists": [[1, [2]], {"a": [{"b": 1}]}], "empty": {}, "one": shared, "other": shared}
    files = files_of(run_of(config=config))
    text = files["config.yaml"]
    read = yaml.safe_load(text)
    assert {key: entry["value"] for key, entry in read.items() if key != "_wandb"} == config
    assert read["_wandb"] == {"value": {"t": {}, "m": []}}
    assert "&" not in text.split("one:")[1].split("texts:")[0]  # no references, which other readers may not follow
    assert "x x x" in text.replace("x " * 100, "x x x")  # and no wrapped lines


def test_nan_in_the_config_is_yamls_nan() -> None:
    text = files_of(run_of(config={"x": math.nan}))["config.yaml"]
    assert "value: .nan" in text


def test_summary_is_one_line_of_json_with_bare_words() -> None:
    summary = {"loss": math.nan, "best": {"max": math.inf}, "text": "ü\u2028", "_wandb": {"runtime": 3}}
    text = files_of(run_of(summary=summary))["wandb-summary.json"]
    assert "\n" not in text
    assert json.dumps(json.loads(text)) == json.dumps(summary)


def test_metadata_is_made_of_the_environments_of_all_logs() -> None:
    heads = [{"environments": {"w1": {"os": "Linux", "host": "a"}}}, {"environments": {"w2": {"host": "b"}}}]
    assert json.loads(files_of(run_of(), heads)["wandb-metadata.json"]) == {"os": "Linux", "host": "b"}


def test_files_of_which_logs_say_nothing_are_not_made() -> None:
    assert set(files_of(run_of())) == {"config.yaml", "wandb-summary.json"}


def test_console_is_all_lines() -> None:
    assert files_of(run_of(), console=["one", "", "\x1b[31mred\x1b[0m"])["output.log"] == "one\n\n\x1b[31mred\x1b[0m\n"

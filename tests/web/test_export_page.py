"""Runs as one HTML file: what is in it, that nothing in it runs but the page itself, and where it is written."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import runstore
from runstore.cli import export
from runstore.errors import RunstoreError
from runstore.web import shell
from tests.web.asking import Asking

HOSTILE = "</script><script>alert(1)</script><!-- & \u2028 </style>"


@pytest.fixture(autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for what is built of the front end, with what could end a script too early."""
    static = tmp_path / "static"
    (static / "export").mkdir(parents=True)
    (static / "index.html").write_text("<head>")
    (static / "export" / "page.js").write_text("const end = '</script><!--';\n")
    (static / "export" / "page.css").write_text("body { margin: 0 }\n")
    monkeypatch.setattr(shell, "STATIC", static)
    return static


def page_of(asking: Asking, *refs: str) -> str:
    return str(asking.post("/api/export", {"refs": list(refs)})["html"])


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def command(*arguments: str) -> Result:
    return CliRunner().invoke(export.command, list(arguments))


def logged(run_id: str, steps: int = 3, **config: object) -> None:
    with runstore.init(project="demo", id=run_id, config=config) as run:
        for step in range(steps):
            run.log({"loss": 1 / (step + 1), "acc": math.nan if step == 1 else step})


def test_a_page_holds_facts_config_summary_and_charts_of_its_runs(asking: Asking) -> None:
    logged("one", lr=0.1)
    logged("two", lr=0.2)
    data = data_of(page_of(asking, "demo/one", "demo/two"))
    assert data["title"] == "2 runs of demo"
    assert [(run["id"], run["state"], run["config"], run["last_step"]) for run in data["runs"]] == [
        ("one", "finished", {"lr": 0.1}, 2),
        ("two", "finished", {"lr": 0.2}, 2),
    ]
    assert {"section": "config", "key": "lr", "values": [0.1, 0.2]} in data["differences"]
    assert data["keys"]["keys"][:2] == ["acc", "loss"]
    chart = data["charts"][""]["loss"]
    assert [line["run"] for line in chart["lines"]] == [0, 1]
    assert (chart["x"], data["charts"]["_runtime"]["loss"]["x"]) == ("_step", "_runtime")


def test_nothing_in_a_page_runs_but_its_own_script(asking: Asking) -> None:
    with runstore.init(project="demo", id="hostile", name=HOSTILE, notes=HOSTILE, config={HOSTILE: HOSTILE}) as run:
        run.log({HOSTILE: 1})
    page = page_of(asking, "demo/hostile")
    assert page.count("<script") == 2
    assert page.count("</script") == 2
    assert "<!--" not in page
    assert data_of(page)["runs"][0]["notes"] == HOSTILE
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    script, style = (
        re.search(r"<script>(.*?)</script>", page, re.DOTALL),
        re.search(r"<style>(.*?)</style>", page, re.DOTALL),
    )
    assert policy
    assert script
    assert style
    assert script[1] == r"const end = '<\/script><\!--';"
    for text in (script[1], style[1]):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy[1]
    assert policy[1].startswith("default-src 'none';")
    assert "unsafe" not in policy[1]
    assert "http" not in policy[1]


def test_a_page_does_not_tell_where_things_lie_on_the_machine_that_made_it(asking: Asking, folder: Path) -> None:
    logged("one")
    data = data_of(page_of(asking, "demo/one"))
    assert str(folder) not in json.dumps({**data, "runs": [{**run, "program": ""} for run in data["runs"]]})


def test_a_long_run_is_said_to_be_in_parts(asking: Asking) -> None:
    logged("long", steps=2_500)
    data = data_of(page_of(asking, "demo/long"))
    assert any("1,000 parts at most" in sentence for sentence in data["left_out"])
    assert data["charts"][""]["loss"]["width"] == 4


def test_no_run_and_too_many_are_refused(asking: Asking) -> None:
    assert "no run is chosen" in asking.refusal("/api/export", status=400, body={"refs": []})
    refs = [f"demo/{number}" for number in range(101)]
    assert "100 at most" in asking.refusal("/api/export", status=400, body={"refs": refs})


def test_the_command_writes_a_file_of_the_run_s_name_or_of_a_given_one(folder: Path) -> None:
    logged("one")
    logged("two", lr=0.2)
    done = command("one", "--to", "html")
    assert done.exit_code == 0, done.output
    assert (folder / "one.html").read_text().startswith("<!doctype html>")
    assert "1 run is in one.html" in done.output
    said = json.loads(command("one", "two", "there/both.html", "--to", "html", "--json").output)
    assert said == {
        "format": "html",
        "runs": 2,
        "file": "there/both.html",
        "bytes": (folder / "there/both.html").stat().st_size,
    }
    assert command("there", "--to", "html").exit_code == 0
    assert (folder / "there/demo.html").is_file()
    assert command("config.lr:0.2", "--to", "html").exit_code == 0
    assert (folder / "two.html").is_file()


def test_the_command_overwrites_nothing_unless_forced(folder: Path) -> None:
    logged("one")
    (folder / "one.html").write_text("mine")
    refused = command("one", "--to", "html")
    assert "would be overwritten" in str(refused.exception)
    assert (folder / "one.html").read_text() == "mine"
    assert command("one", "--to", "html", "--force").exit_code == 0


def test_where_the_pages_were_not_built_the_command_says_what_to_type(built: Path, folder: Path) -> None:
    logged("one")
    (built / "export" / "page.js").unlink()
    refused = command("one", "--to", "html")
    assert isinstance(refused.exception, RunstoreError)
    assert "python -m buildtools.ui" in str(refused.exception)
    assert not (folder / "one.html").exists()


def test_what_is_compared_is_read_from_the_run_directories_alone(asking: Asking, tmp_path: Path) -> None:
    """A pipe would be waited for, and a link be followed."""
    (tmp_path / "secret").write_text("secret-package==1.0")
    for name in ("one", "two"):
        with runstore.init(project="demo", id=name) as run:
            files = Path(run.dir)
    for name in ("diff.patch", "requirements.txt"):
        (files / name).unlink(missing_ok=True)
    os.mkfifo(files / "diff.patch")
    (files / "requirements.txt").symlink_to(tmp_path / "secret")
    assert "secret-package" not in page_of(asking, "demo/one", "demo/two")

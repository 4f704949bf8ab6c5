"""`runs list` with filters, `compare`, `history --plot`, `tag`, `note`, `rename`, `delete`, and `search`."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from runstore.cli.table import width_of
from tests.commands import Bench

THREE_RUNS = """
    import math, runstore
    runs = [("first", 0.1, ["baseline"]), ("second", 1e-4, ["baseline", "old"]), (None, 3, [])]
    for n, (name, lr, tags) in enumerate(runs):
        config = {"lr": lr, "net": {"depth": 3}, "arch": "vit"}
        with runstore.init(project="demo", id=f"r{n}", name=name, tags=tags, config=config) as run:
            for step in range(60):
                run.log({"loss": math.exp(-step / 20) + n, "acc": step / 60})
            run.log({"bad": math.nan})
            print("CUDA out of memory" if n == 1 else "100% done")
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A folder with three runs, of which tests change only names, notes and tags, each of a run of its own."""
    bench = Bench(tmp_path_factory.mktemp("three"))
    done = bench.train(THREE_RUNS)
    assert done.returncode == 0, done.stderr
    return bench


@pytest.fixture
def own_bench(tmp_path: Path) -> Bench:
    """Three runs that a test may delete."""
    bench = Bench(tmp_path)
    assert bench.train(THREE_RUNS).returncode == 0
    return bench


def directory(bench: Bench, run: str) -> Path:
    return next(bench.folder.glob(f"wandb/*-{run}"))


def ids(bench: Bench, *options: str) -> list[str]:
    return [run["id"] for run in bench.json("runs", "list", *options)]


def test_list_takes_filters_orders_and_limits(bench: Bench) -> None:
    assert ids(bench, "--filter", "lr<1e-3 tag:baseline state:finished") == ["r1"]
    assert ids(bench, "--sort", "-summary.loss") == ["r2", "r1", "r0"]
    assert ids(bench, "--sort", "lr", "--limit", "2") == ["r1", "r0"]
    assert ids(bench, "--limit", "2") == ["r1", "r2"]  # the newest
    assert ids(bench, "wandb", "--filter", "-has:tags") == ["r2"]


def test_list_says_where_a_filter_is_wrong(bench: Bench) -> None:
    said = bench.runstore("runs", "list", "--filter", "lr<1 tag:", code=2).stderr.splitlines()
    assert said == ["runstore: a value is missing after ':'", "  lr<1 tag:", " " * 11 + "^"]
    assert "no run fulfils" in bench.runstore("runs", "list", "--filter", "lr>99").stderr


def test_list_shows_the_columns_asked_for(bench: Bench) -> None:
    columns = ("--columns", "id,lr,created,arch,exit_code", "--filter", "id:r0")
    (run,) = bench.json("runs", "list", *columns)
    assert list(run) == ["id", "lr", "created", "arch", "exit_code"]
    assert run["lr"] == 0.1
    assert run["created"].endswith("Z")
    (row,) = csv.DictReader(io.StringIO(bench.runstore("runs", "list", *columns, "--csv").stdout))
    assert row["arch"] == "vit"
    header, line = bench.runstore("runs", "list", *columns).stdout.splitlines()
    assert header.split() == ["ID", "LR", "CREATED", "ARCH", "EXIT_CODE"]
    assert line.split()[:2] == ["r0", "0.1"]


def test_csv_has_lists_as_json_and_floats_by_the_names_of_exports(own_bench: Bench) -> None:
    script = (
        "import runstore\nwith runstore.init(id='odd', tags=['a, b'], config={'l': [1, None], 'on': True}) as run:\n"
    )
    done = own_bench.train(script + "    run.log({'x': float('nan'), 'b': False, 'l': ['y']})\n")
    assert done.returncode == 0, done.stderr
    listed = own_bench.runstore("runs", "list", "--columns", "tags,config.l,on,x", "--filter", "id:odd", "--csv").stdout
    assert listed.splitlines()[1] == '"[""a, b""]","[1,null]",true,NaN'
    rows = own_bench.runstore("runs", "history", "odd", "--keys", "b,l,x", "--csv").stdout
    assert rows.splitlines()[1] == '0,false,"[""y""]",NaN'


def test_names_that_the_terminal_has_no_characters_for_are_shown_with_escapes(own_bench: Bench) -> None:
    named = "id='odd', name='na\\u00efve \\U0001f600', notes='\\x1b[31mred\\nline 2'"
    done = own_bench.train(f"import runstore\nrunstore.init({named}).finish()")
    assert done.returncode == 0, done.stderr
    latin = {"PYTHONIOENCODING": "latin-1"}
    assert in_bytes(own_bench, "--columns", "name", **latin).splitlines()[1] == b"na\xefve \\U0001f600"
    assert json.loads(in_bytes(own_bench, "--json", **latin))[0]["name"] == "na\u00efve \U0001f600"
    assert "notes:         [31mred\nline 2\n" in own_bench.runstore("runs", "show", "odd").stdout


def test_a_metric_of_any_name_is_one_line_of_a_plot(own_bench: Bench) -> None:
    rows = "for n in range(3): run.log({key: n for key in ('a\\nb', '\U0001f600', 'c', 'd', '\\x1b[3J')})"
    assert own_bench.train(f"import runstore\nrun = runstore.init(id='odd')\n{rows}\nrun.finish()").returncode == 0
    lines = own_bench.runstore("runs", "history", "odd", "--plot").stdout.splitlines()
    assert len(lines) == 5
    assert len({width_of(line) for line in lines}) == 1
    assert "a b  " in own_bench.runstore("runs", "history", "odd", "--plot", "--keys", "a\nb").stdout


def in_bytes(bench: Bench, *arguments: str, **extra: str) -> bytes:
    """Return what a list of the run `odd` prints."""
    command = [sys.executable, "-m", "runstore", "runs", "list", "--filter", "id:odd", *arguments]
    environment = {**bench.environment, **extra}
    return subprocess.run(command, env=environment, cwd=bench.folder, stdout=subprocess.PIPE, check=True).stdout


def test_a_tag_without_a_name_is_refused(own_bench: Bench) -> None:
    assert "a tag has a name" in own_bench.runstore("runs", "tag", "r0", "--add", " ", code=2).stderr


def test_a_list_of_a_hub_is_filtered_and_ordered_too(own_bench: Bench) -> None:
    with own_bench.hub():
        own_bench.runstore("sync", "--remote", "lab")
        assert ids(own_bench, "--remote", "lab", "--filter", "lr<1 arch:vit", "--sort", "lr") == ["r1", "r0"]
        assert ids(own_bench, "--remote", "lab", "--limit", "1") == ["r2"]
        assert "loss" in own_bench.runstore("runs", "history", "r0", "--plot", "--remote", "lab").stdout


def test_compare_shows_in_what_runs_differ(bench: Bench) -> None:
    (directory(bench, "r0") / "files" / "requirements.txt").write_text("numpy==1.26.0\nfoo==1\n")
    (directory(bench, "r2") / "files" / "requirements.txt").write_text("numpy==2.1.0\nfoo==1\n")
    (directory(bench, "r2") / "files" / "diff.patch").write_text("diff --git a/train.py b/train.py\n+lr = 3\n")
    found = bench.json("runs", "compare", "r0", "r2")
    assert found["runs"] == ["demo/r0", "demo/r2"]
    rows = {(row["section"], row["key"]): row["values"] for row in found["differences"]}
    assert rows["config", "lr"] == [0.1, 3]
    assert rows["packages", "numpy"] == ["1.26.0", "2.1.0"]
    assert rows["diff", "files"] == [None, ["train.py"]]
    assert ("config", "arch") not in rows
    assert ("packages", "foo") not in rows
    assert all(row["differs"] for row in found["differences"])
    shown = bench.runstore("runs", "compare", "r0", "r2", "--all").stdout
    assert "net.depth" in shown
    assert "+lr = 3" in bench.runstore("runs", "compare", "r0", "r2", "--patch").stdout
    assert "two or more" in bench.sentence("runs", "compare", "r0", code=2)


def test_history_is_drawn_as_wide_as_the_terminal(bench: Bench) -> None:
    lines = bench.runstore("runs", "history", "r0", "--plot", "--keys", "loss,bad", COLUMNS="50").stdout.splitlines()
    assert lines[0].startswith("loss  60 points, min 0.05234, max 1")
    assert max(map(len, lines[1:9])) == 50
    assert lines[-1] == "bad: no number"
    assert "no numbers" in bench.runstore("runs", "history", "r0", "--plot", "--keys", "nope").stderr
    assert "--plot" in bench.sentence("runs", "history", "r0", "--plot", "--json", code=2)


def test_history_shows_times_to_people_and_numbers_to_programs(bench: Bench) -> None:
    assert isinstance(bench.json("runs", "history", "r0", "--samples", "2")[0]["_timestamp"], float)
    table = bench.runstore("runs", "history", "r0", "--samples", "2").stdout.splitlines()
    assert table[1].split()[-1].count(":") == 2
    assert "_timestamp = 20" in bench.runstore("runs", "show", "r0").stdout


def test_tags_notes_and_names_are_changed_and_survive_the_index(bench: Bench) -> None:
    assert bench.json("runs", "tag", "r1", "r2", "--add", "new", "--remove", "old")[0]["tags"] == ["baseline", "new"]
    bench.runstore("runs", "note", "r2", "look again")
    assert bench.json("runs", "rename", "r2", "third")[0]["name"] == "third"
    for home in ("home", "another"):
        found = bench.json(
            "runs", "list", "--filter", 'name:third "look again"', RUNSTORE_HOME=str(bench.folder / home)
        )
        (run,) = found
        assert run["tags"] == ["new"]
    assert "there is no run" in bench.sentence("runs", "tag", "r1", "nope", "--add", "x", code=3)
    bench.runstore("runs", "rename", "r2", "")


def test_search_finds_text_in_names_config_and_console(bench: Bench) -> None:
    (hit,) = bench.json("search", "cuda OUT")
    assert (hit["id"], hit["field"], hit["line"], hit["stream"]) == ("r1", "console", 1, "stdout")
    ((start, end),) = hit["spans"]
    assert hit["text"][start:end] == "CUDA out"
    assert {hit["field"] for hit in bench.json("search", "vit")} == {"config.arch"}
    assert bench.runstore("search", "100%").stdout.splitlines()[0].endswith("console:1  100% done")
    assert bench.json("search", "cuda out", "--case", code=1) == []
    assert len(bench.json("search", "^1.*e$", "--regex", "--limit", "1")) == 1
    assert "regular expression" in bench.sentence("search", "(", "--regex", code=2)


def test_delete_asks_and_never_takes_what_is_not_delivered(own_bench: Bench) -> None:
    assert "deliver it first" in own_bench.sentence("runs", "delete", "r0", "--yes", code=1)
    assert "--yes" in own_bench.sentence("runs", "delete", "r0", "--force", code=2)
    assert ids(own_bench) == ["r0", "r1", "r2"]
    with own_bench.hub():
        own_bench.runstore("runs", "tag", "r0", "--add", "kept")
        own_bench.runstore("sync", "--remote", "lab")
        done = own_bench.json("runs", "delete", "r0", "--yes")
        assert done["runs"] == ["demo/r0"]
        assert done["bytes"] > 1000
        assert not Path(done["directories"][0]).exists()
        assert ids(own_bench) == ["r1", "r2"]
        assert ids(own_bench, "--remote", "lab") == ["r0", "r1", "r2"]
    own_bench.runstore("runs", "note", "r1", "not delivered any more")
    assert "edits" in own_bench.sentence("runs", "delete", "r2", "r1", "--yes", code=1)
    assert ids(own_bench) == ["r1", "r2"]  # nothing, unless all can be
    own_bench.runstore("runs", "delete", "r1", "--yes", "--force")
    assert ids(own_bench) == ["r2"]


def test_a_run_that_is_written_is_not_deleted(own_bench: Bench) -> None:
    process = own_bench.start(
        "import runstore, sys; runstore.init(project='demo', id='live'); print('begun', flush=True); sys.stdin.read()"
    )
    assert process.stdout is not None
    assert process.stdin is not None
    with process:
        assert process.stdout.readline() == "begun\n"
        assert "End it first" in own_bench.sentence("runs", "delete", "live", "--yes", "--force", code=1)
        process.stdin.close()
    own_bench.runstore("runs", "delete", "live", "--yes", "--force")


def complete(bench: Bench, words: str, word: str) -> list[str]:
    done = bench.runstore(
        COMP_WORDS=f"{words} {word}", COMP_CWORD=str(len(words.split())), _RUNSTORE_COMPLETE="bash_complete"
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_a_shell_completes_runs_and_keys_from_the_index(bench: Bench, tmp_path: Path) -> None:
    bench.runstore("runs", "list")
    assert complete(bench, "runstore runs show", "r") == ["r2", "r1", "r0"]
    assert complete(bench, "runstore runs show", "sec") == ["second"]
    assert complete(bench, "runstore runs history r0 --keys", "loss,a") == ["loss,acc"]
    assert complete(bench, "runstore runs list --filter", "state:f") == ["state:failed", "state:finished"]
    assert complete(bench, "runstore runs list --sort", "acc,-l") == ["acc,-last_step", "acc,-loss", "acc,-lr"]
    assert complete(Bench(tmp_path), "runstore runs show", "r") == []

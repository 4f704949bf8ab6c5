"""What the documents say is so: every command is described, every example runs."""

from __future__ import annotations

import re
import shlex
import zlib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from runstore.cli.main import cli
from runstore.errors import RunstoreError
from runstore.runlog import codec
from runstore.runlog.framing import FILE_HEADER, Deframer, Framed
from runstore.settings import SETTINGS
from tests.commands import Bench

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
ARTIFACTS = (ROOT / "docs" / "artifacts.md").read_text(encoding="utf-8")
RUN_LOG = (ROOT / "docs" / "run_log.md").read_text(encoding="utf-8")


def commands(group: click.Group = cli, path: str = "runstore") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


@pytest.mark.parametrize(("path", "command"), list(commands()))
def test_every_command_and_option_is_described(path: str, command: click.Command) -> None:
    (line,) = [line for line in CLI.splitlines() if line.startswith("|") and re.search(rf"`{path}[ `]", line)]
    for option in command.params:
        if isinstance(option, click.Option):
            assert any(name in line for name in option.opts), option.opts


@pytest.mark.parametrize(("path", "command"), list(commands()))
def test_the_help_of_every_command_has_an_example(path: str, command: click.Command) -> None:
    assert command.help
    example = re.search(r"Example: (.+)", command.help)
    assert example is not None
    assert path in example[1]


def test_the_exit_codes_are_those_of_the_errors() -> None:
    described = {int(code) for code in re.findall(r"^\| (\d) \|", CLI, re.MULTILINE)}

    def codes(error: type[RunstoreError]) -> set[int]:
        return {error.exit_code}.union(*map(codes, error.__subclasses__()))

    assert described == codes(RunstoreError) | {0}
    assert cli.help is not None
    assert all(re.search(rf"\b{code} ", cli.help) for code in described)


def test_the_examples_of_the_readme_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    write, read = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
    done = bench.train(write)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done training\n"
    (run,) = bench.json("runs", "list")
    directory = next((tmp_path / "wandb").iterdir())
    assert sorted(path.name for path in directory.iterdir()) == ["files", f"run-{run['id']}.wandb"]
    done = bench.train(read)
    assert done.stdout == "first finished {'lr': 0.1} 0.01\n", done.stderr
    with bench.hub():
        said = bench.runstore("sync", "--remote", "lab").stdout
        assert "1 of 1 logs of 1 runs are delivered and verified" in said
        shown, sent = (re.search(r"sent now: (\d+) records", text) for text in (README, said))
        assert shown is not None
        assert sent is not None
        # A slow machine has a sample of its metrics more, a repository a record of its commit.
        assert abs(int(shown[1]) - int(sent[1])) <= 2


def test_the_examples_of_artifacts_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    program, session = (re.search(rf"```{kind}\n(.+?)```", ARTIFACTS, re.DOTALL) for kind in ("python", "console"))
    assert program is not None
    assert session is not None
    done = bench.train(program[1])
    assert done.stdout.splitlines() == ["v0", "digits/adder:v0"], done.stderr
    for step in session[1].split("$ runstore ")[1:]:
        command, _, expected = step.partition("\n")
        assert bench.runstore(*shlex.split(command)).stdout == expected


def test_the_worked_example_of_the_format_is_a_log() -> None:
    example = re.search(r"offset  bytes\n(.+?)```", RUN_LOG, re.DOTALL)
    assert example is not None
    lines = [re.match(r"(\d+) +((?:[0-9a-f]{2} )+)", line) for line in example[1].splitlines()]
    assert all(lines)
    data = bytes.fromhex("".join(line[2] for line in lines if line))
    at = 0
    for line in lines:
        assert line is not None
        assert int(line[1]) == at
        at += len(bytes.fromhex(line[2]))
    deframer = Deframer("example")
    deframer.feed(data)
    framed = deframer.next()
    assert isinstance(framed, Framed)
    assert framed.end == len(data)
    assert data.startswith(FILE_HEADER)
    assert int.from_bytes(data[7:11], "little") == zlib.crc32(data[13:])
    record = codec.decode(framed.payload)
    assert record is not None
    assert record.HasField("exit")
    assert record.num == 1


def test_links_in_the_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            assert target.startswith("http") or (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_setting_has_a_variable_and_a_meaning() -> None:
    for setting in SETTINGS:
        assert re.fullmatch(r"(WANDB|RUNSTORE)_[A-Z_]+", setting.metadata["variable"])
        assert setting.metadata["help"]

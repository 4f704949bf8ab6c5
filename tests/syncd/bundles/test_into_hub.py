"""`runstore bundle import --into HUB`: what came by hand goes on to a hub, and receipts say what that has proven."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import ONE_RUN, Bench

MORE = """
    import runstore
    with runstore.init(project="demo", id="one", resume="must") as run:
        run.log({"loss": 0.01})
        open("late.txt", "w").write("late")
        run.save("late.txt")
"""


@pytest.fixture
def inside(tmp_path: Path) -> Bench:
    (tmp_path / "inside").mkdir()
    (tmp_path / "stick").mkdir()
    bench = Bench(tmp_path / "inside")
    assert bench.train(ONE_RUN).returncode == 0
    return bench


@pytest.fixture
def outside(tmp_path: Path) -> Bench:
    (tmp_path / "outside").mkdir()
    return Bench(tmp_path / "outside")


def carry(inside: Bench, outside: Bench, *arguments: str, code: int = 0) -> dict[str, object]:
    """Carry what has no receipt to the hub outside; return what the import says of the one bundle."""
    made = inside.json("bundle", "create", "--to", "../stick", "--since-receipt")
    parts = [str(inside.folder / part) for part in made["parts"]]
    said = outside.json("bundle", "import", *parts, "--into", "lab", *arguments, code=code)
    assert said["into"] == "lab"
    (one,) = said["bundles"]
    assert isinstance(one, dict)
    return one


def test_what_a_hub_proves_counts_inside_and_the_next_bundle_goes_on_from_there(inside: Bench, outside: Bench) -> None:
    with outside.hub():
        first = carry(inside, outside)
        assert (first["done"], first["waiting"]) == (["demo/one"], {})
        assert outside.json("runs", "show", "one", "--remote", "lab") == inside.json("runs", "show", "one")
        inside.runstore("bundle", "receipt", str(first["receipt"]))
        assert "nothing to carry" in inside.runstore("bundle", "create", "--to", "../stick", "--since-receipt").stdout
        done = inside.train(MORE)
        assert done.returncode == 0, done.stderr
        second = carry(inside, outside)
        assert second["done"] == ["demo/one"]
        assert outside.json("runs", "show", "one", "--remote", "lab") == inside.json("runs", "show", "one")
        inside.runstore("bundle", "receipt", str(second["receipt"]))
    assert outside.json("runs", "list") == []  # what lies on its way is nobody's run here


def test_without_the_hub_there_is_no_receipt_and_later_the_same_call_goes_on(inside: Bench, outside: Bench) -> None:
    with outside.hub() as url:
        pass
    made = inside.json("bundle", "create", "--to", "../stick")
    part = str(inside.folder / made["parts"][0])
    said = outside.sentence("bundle", "import", part, "--into", "lab", code=5)
    assert "no answer" in said
    assert not list(Path(part).parent.glob("*.receipt.json"))
    with outside.hub(int(url.rpartition(":")[2])):
        one = carry(inside, outside)
    assert one["done"] == ["demo/one"]
    assert one["new_bytes"] == 0  # it had come that far
    assert Path(str(one["receipt"])).is_file()


def test_what_is_no_hub_can_not_prove_anything(inside: Bench, outside: Bench) -> None:
    made = inside.json("bundle", "create", "--to", "../stick")
    part = str(inside.folder / made["parts"][0])
    refused = outside.sentence("bundle", "import", part, "--into", "https://api.wandb.ai", code=2)
    assert "is no hub" in refused


def test_a_folder_goes_before_a_hub_of_that_name(inside: Bench, outside: Bench) -> None:
    made = inside.json("bundle", "create", "--to", "../stick")
    outside.runstore("remote", "add", "lab", "http://127.0.0.1:1", "--token", "t")
    (outside.folder / "lab").mkdir()
    said = outside.json("bundle", "import", str(inside.folder / made["parts"][0]), "--into", "lab")
    assert said["into"] == "lab"
    assert list((outside.folder / "lab").glob("*/run-one.wandb"))

"""Whatever is carried, in whatever parts, order and repetition: both ends give the same answers, each record once."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from runstore.syncd.bundles import creating
from runstore.syncd.bundles.creating import How
from runstore.syncd.bundles.importing import Import
from runstore.syncd.bundles.opening import Trust
from runstore.syncd.bundles.staging import FOLDER
from runstore.syncd.receipts import load
from tests.syncd.bundles.sites import Inside, Outside, OwnRun, StockRun, contents, edited, finished_run, scratch

SMALL_PARTS = 40_000


@dataclass(frozen=True)
class Growth:
    """What happens to a run between two bundles; nothing at all where there are no rows."""

    rows: int
    file_bytes: int | None
    is_edited: bool


@dataclass(frozen=True)
class Carrying:
    """How a bundle is made, and whether it is imported, and its receipt brought back, before the next one is."""

    since: bool
    is_split: bool
    is_imported: bool
    has_receipt: bool


growths = st.builds(
    Growth,
    rows=st.integers(0, 30),
    file_bytes=st.none() | st.integers(0, 3) | st.integers(50_000, 120_000),
    is_edited=st.booleans(),
)
carryings = st.builds(Carrying, *(st.booleans() for _ in range(4)))
stages = st.lists(st.tuples(st.lists(growths, min_size=2, max_size=2), carryings), min_size=1, max_size=3)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creating, "LEAST_PIECE_BYTES", 1000)


@given(stages=stages, seed=st.integers(0, 1000), kinds=st.tuples(st.booleans(), st.booleans()))
@settings(max_examples=10, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_inside_and_outside_give_the_same_answers(
    stages: list[tuple[list[Growth], Carrying]], seed: int, kinds: tuple[bool, bool]
) -> None:
    chance = random.Random(seed)
    with scratch() as folder:
        inside, outside = Inside(folder / "inside"), Outside(folder / "outside")
        runs = [(OwnRun if own else StockRun)(inside.runs, f"run{n}") for n, own in enumerate(kinds)]
        parts: list[Path] = []
        receipts: list[Path] = []
        for number, (growing, carrying) in enumerate(stages):
            for run, growth in zip(runs, growing, strict=True):
                _grow(run, growth, number, chance, inside)
            made = inside.bundle(how=_how(carrying), since="" if carrying.since else None)
            parts += made.parts
            if carrying.is_imported:
                receipts += outside.take_all(chance.sample(parts, len(parts)))
            if receipts and carrying.has_receipt:
                inside.take_receipt(chance.choice(receipts))
        for run in runs:
            run.finish()
        made = inside.bundle(since="")
        _brought_in_any_order(outside, [*parts, *made.parts], chance)
        receipts += outside.take_all(made.parts)
        for path in chance.sample(receipts, len(receipts)) * 2:
            inside.take_receipt(path)
        assert outside.answers() == inside.answers()
        assert contents(outside.runs) == contents(inside.runs)
        assert not inside.gathered(since="").runs
        assert not outside.staged()


def _grow(run: OwnRun | StockRun, growth: Growth, number: int, chance: random.Random, inside: Inside) -> None:
    if growth.rows or not number:
        run.grow(growth.rows + 1)
        if growth.file_bytes is not None:
            run.put("media/data.bin", chance.randbytes(growth.file_bytes))
            run.put(f"blob{number}", chance.randbytes(growth.file_bytes), "blobs")
        if growth.is_edited:
            edited(inside.runs, inside.folder / "edits.db", run.log.stem.removeprefix("run-"), f"note {number}")


def _how(carrying: Carrying) -> How:
    return How(split=SMALL_PARTS) if carrying.is_split else How()


def _brought_in_any_order(outside: Outside, parts: list[Path], chance: random.Random) -> None:
    """Import all parts in several calls, some of them again."""
    order = [*chance.sample(parts, len(parts)), *chance.choices(parts, k=2)]
    while order:
        some, order = order[: (count := chance.randint(1, 4))], order[count:]
        _, errors, _ = outside.take(some)
        assert not errors


def test_the_same_runs_give_the_same_bytes(inside: Inside) -> None:
    finished_run(inside.runs, files={"files/a.txt": b"a" * 100, "blobs/b": bytes(100_000)})
    finished_run(inside.runs, "r2", rows=2000)
    first, again = inside.bundle(), inside.bundle()
    assert [path.read_bytes() for path in first.parts] == [path.read_bytes() for path in again.parts]
    split = [inside.bundle(how=How(split=SMALL_PARTS)) for _ in range(2)]
    assert len(split[0].parts) > 1
    assert [path.read_bytes() for path in split[0].parts] == [path.read_bytes() for path in split[1].parts]
    assert {created.bundle for created in (first, *split)} == {first.bundle}


def test_no_part_is_larger_than_it_may_be(inside: Inside) -> None:
    noise = random.Random(1)
    for number in range(5):
        finished_run(inside.runs, f"r{number}", files={f"blobs/{n}": noise.randbytes(17_000 * n) for n in range(6)})
    made = inside.bundle(how=How(split=SMALL_PARTS))
    sizes = [path.stat().st_size for path in made.parts]
    assert max(sizes) <= SMALL_PARTS
    assert sum(sizes) == made.bytes


def test_parts_in_every_order_arrive(inside: Inside, tmp_path: Path) -> None:
    noise = random.Random(2).randbytes(60_000)
    finished_run(inside.runs, files={"blobs/noise": noise})
    parts = inside.bundle(how=How(split=SMALL_PARTS)).parts
    assert len(parts) == 3
    for number, order in enumerate(itertools.permutations(parts)):
        outside = Outside(tmp_path / f"outside{number}")
        for part in order[:-1]:
            bundles, errors, written = outside.take([part])
            assert not errors
            assert not written
            assert [one.waiting for one in bundles.values()] == [{"p/r1": "other parts of this bundle"}]
        assert outside.take_all([order[-1]])
        assert contents(outside.runs) == contents(inside.runs)


def test_a_bundle_waits_for_the_one_before_it(inside: Inside, outside: Outside, tmp_path: Path) -> None:
    run = StockRun(inside.runs, "r1")
    run.grow(10)
    first = inside.bundle()
    (receipt,) = Outside(tmp_path / "elsewhere").take_all(first.parts)
    inside.take_receipt(receipt)
    run.grow(5)
    run.finish()
    second = inside.bundle(since="")
    bundles, _, written = outside.take(second.parts)
    (said,) = bundles[second.bundle].waiting.values()
    assert said.startswith("the bundle before: run-r1.wandb has 0 bytes here, and goes on at ")
    assert not written
    assert set(outside.take(first.parts)[2]) == {first.bundle, second.bundle}
    assert outside.answers() == inside.answers()


def test_what_receipts_cover_is_not_carried_again(inside: Inside, outside: Outside) -> None:
    run = finished_run(inside.runs, files={"files/a.txt": b"a", "files/b.txt": b"b"})
    first = inside.bundle()
    (receipt,) = outside.take_all(first.parts)
    marked = inside.take_receipt(receipt)
    assert marked.delivered == {"p/r1"}
    assert not marked.notes
    assert not inside.gathered(since="").runs
    run.put("b.txt", b"changed")
    finished_run(inside.runs, "r2")
    gathered = inside.gathered(since="")
    assert gathered.previous == first.bundle
    assert {log.name: [file.path for file in log.files] for run in gathered.runs for log in run.logs} == {
        "run-r1.wandb": ["b.txt"],
        "run-r2.wandb": [],
    }


def test_receipts_of_one_importer_say_nothing_of_another(inside: Inside, tmp_path: Path) -> None:
    finished_run(inside.runs)
    one, other = Outside(tmp_path / "one"), Outside(tmp_path / "other")
    first = inside.bundle()
    for outside in (one, other):
        (receipt,) = outside.take_all(first.parts)
        inside.take_receipt(receipt)
    finished_run(inside.runs, "r2")
    (receipt,) = one.take_all(inside.bundle(since="").parts)
    importer = receipt.name.split("-")[-1].partition(".")[0]
    inside.take_receipt(receipt)
    gathered = inside.gathered(since="")
    assert not gathered.runs
    assert "receipts of several importers" in gathered.notes[0]
    assert not inside.gathered(since=importer).runs
    assert len(inside.gathered(since="of nobody").runs) == 2


def test_a_receipt_that_comes_late_takes_nothing_back(inside: Inside, outside: Outside) -> None:
    run = StockRun(inside.runs, "r1")
    run.grow(3)
    run.put("a.txt", b"one")
    (early,) = outside.take_all(inside.bundle().parts)
    kept = early.rename(early.with_name("early"))
    run.grow(3)
    run.put("a.txt", b"two")
    run.finish()
    (late,) = outside.take_all(inside.bundle().parts)
    for path in (late, kept):
        inside.take_receipt(path)
    assert not inside.gathered(since="").runs


def test_an_older_state_of_a_file_does_not_come_back(inside: Inside, outside: Outside) -> None:
    run = finished_run(inside.runs, files={"files/a.txt": b"one"})
    older = inside.bundle()
    (receipt,) = outside.take_all(older.parts)
    inside.take_receipt(receipt)
    run.put("a.txt", b"two")
    newer = inside.bundle(since="")
    (of_newer,) = outside.take_all(newer.parts)
    (of_older,) = outside.take_all(older.parts)
    assert contents(outside.runs) == contents(inside.runs)
    inside.take_receipt(of_newer)
    run.put("a.txt", b"one")  # of which the first bundle's receipt is no proof any more
    inside.take_receipt(of_older)
    third = inside.bundle(since="")
    assert [file.path for each in inside.gathered(since="").runs for log in each.logs for file in log.files] == [
        "a.txt"
    ]
    (receipt,) = outside.take_all(third.parts)
    inside.take_receipt(receipt)
    assert contents(outside.runs) == contents(inside.runs)
    assert not inside.gathered(since="").runs


def test_runs_whose_folders_have_the_same_name_lie_beside_each_other(inside: Inside, outside: Outside) -> None:
    """Two machines began a process of the same run in the same second."""
    logs = []
    for number, rows in enumerate((3, 4)):
        site = Inside(inside.folder / f"machine{number}")
        run = StockRun(site.runs, "r1", started=1000.5 + number)
        run.grow(rows)
        run.put("of.txt", b"%d" % number)
        run.finish()
        logs.append(run.log.read_bytes())
        run.log.parent.parent.rename(inside.runs / f"machine{number}")
    outside.take_all(inside.bundle().parts)
    found = contents(outside.runs)
    assert sorted(data for path, data in found.items() if path.endswith(".wandb")) == sorted(logs)
    assert sorted(data for path, data in found.items() if path.endswith("of.txt")) == [b"0", b"1"]
    outside.take_all(inside.bundle().parts)
    assert contents(outside.runs) == found


def test_a_folder_of_another_run_is_left_alone(inside: Inside, outside: Outside) -> None:
    run = finished_run(inside.runs)
    other = outside.runs / run.log.parent.name / "run-other.wandb"
    other.parent.mkdir(parents=True)
    other.write_bytes(finished_run(Inside(outside.folder / "elsewhere").runs, "other").log.read_bytes())
    outside.take_all(inside.bundle().parts)
    assert [path.name for path in other.parent.iterdir()] == ["run-other.wandb"]
    assert len(list(outside.runs.glob("*/run-r1.wandb"))) == 1


def test_a_log_that_was_moved_grows_where_it_is(inside: Inside, outside: Outside) -> None:
    run = StockRun(inside.runs, "r1")
    run.grow(2)
    outside.take_all(inside.bundle().parts)
    moved = outside.runs / "archive" / "offline-run-moved-r1"
    moved.parent.mkdir()
    (outside.runs / run.log.parent.name).rename(moved)
    run.grow(2)
    run.finish()
    outside.take_all(inside.bundle().parts)
    assert (moved / "run-r1.wandb").read_bytes() == run.log.read_bytes()
    assert len(list(outside.runs.rglob("*.wandb"))) == 1


def test_files_that_a_live_run_changes_are_carried_as_they_were(inside: Inside, outside: Outside) -> None:
    run = StockRun(inside.runs, "r1")
    run.grow(2)
    run.put("output.log", b"one line\n")
    gathered = inside.gathered()
    run.put("output.log", b"one line\nand another\n")
    made = creating.create(gathered, inside.folder)
    gathered.close()
    outside.take_all(made.parts)
    assert contents(outside.runs)[f"{run.log.parent.name}/files/output.log"] == b"one line\n"
    run.finish()


def test_files_that_a_live_run_has_in_common_with_others_are_carried(inside: Inside, outside: Outside) -> None:
    finished_run(inside.runs, "r1", files={"files/requirements.txt": b"numpy"})
    run = StockRun(inside.runs, "r2")
    run.grow(2)
    for name, data in (("requirements.txt", b"numpy"), ("a.txt", b"a"), ("b.txt", b"numpy"), ("c.txt", b"c")):
        run.put(name, data)
    outside.take_all(inside.bundle().parts)
    assert contents(outside.runs) == contents(inside.runs)
    run.finish()


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"files": {"files/a.txt": [1, "x"]}}', b'{"files": 5, "log": 7}'])
def test_what_is_remembered_of_earlier_imports_need_not_be_there(
    damage: bytes, inside: Inside, outside: Outside
) -> None:
    run = StockRun(inside.runs, "r1")
    run.put("a.txt", b"a")
    run.grow(2)
    outside.take_all(inside.bundle().parts)
    (remembered,) = (outside.runs / FOLDER / "ledger").iterdir()
    remembered.write_bytes(damage)
    run.put("a.txt", b"another")
    run.grow(2)
    run.finish()
    outside.take_all(inside.bundle().parts)
    assert contents(outside.runs) == contents(inside.runs)


def test_a_receipt_of_the_folder_itself_proves_no_other_copy(inside: Inside, outside: Outside) -> None:
    run = finished_run(inside.runs)
    parts = inside.bundle().parts
    with Import(inside.runs, Trust()) as importing:
        importing.take(parts)
        (written,) = importing.write_receipts().values()
    marked = inside.take_receipt(written)
    assert (marked.paths, marked.delivered) == ([], set())
    assert "no proof of another copy" in marked.notes[0]
    assert not load(run.log, marked.receipt.content.runs[0].logs[0].log_id)
    (of_another,) = outside.take_all(parts)
    assert inside.take_receipt(of_another).delivered

"""What is recorded of a stream: every line at once, progress bars now and then, the last state always."""

from __future__ import annotations

import random

from runstore.core.screen import Screen
from runstore.sdk.console.transcript import LEAST_SECONDS, MAX_HELD_CHARACTERS, Transcript
from tests.core.test_screen import picture


class Recorded(Transcript):
    """A transcript whose clock stands still unless it is turned."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.texts: list[str] = []
        super().__init__(self.texts.append, lambda: self.now)


def same_picture(recorded: Recorded, written: str) -> bool:
    one, other = Screen(), Screen()
    one.feed("".join(recorded.texts))
    other.feed(written)
    return picture(one) == picture(other)


def test_a_print_is_one_record() -> None:
    recorded = Recorded()
    for piece in ("one", " ", "two", "\n", "", "three", "\n"):
        recorded.write(piece)
    assert recorded.texts == ["one two\n", "three\n"]
    assert not recorded.holds


def test_text_that_is_flushed_is_recorded_before_its_line_ends() -> None:
    recorded = Recorded()
    recorded.write("loading ...")
    recorded.flush()
    assert recorded.texts == ["loading ..."]
    recorded.write(" done\n")
    assert recorded.texts == ["loading ...", " done\n"]


def test_a_bar_is_recorded_once_a_second_and_in_its_last_state() -> None:
    recorded = Recorded()
    for tick in range(101):
        recorded.write(f"\r{tick}%")
        recorded.flush()
        recorded.now += 0.1
    assert recorded.texts[:3] == ["0%", "\r10%", "\r20%"]
    recorded.write("\n")
    assert recorded.texts[-2:] == ["\r100%", "\n"]
    assert len(recorded.texts) == 12


def test_a_bar_that_is_never_flushed_is_recorded_too() -> None:
    recorded = Recorded()
    for tick in range(101):
        recorded.write(f"\r{tick}%")
        recorded.now += 0.1
    assert 8 <= len(recorded.texts) <= 10


def test_a_bar_of_a_day_leaves_little() -> None:
    recorded = Recorded()
    for tick in range(86_400 * 2):
        recorded.write(f"\r{tick:>90}")
        recorded.flush()
        recorded.now += 0.5
    assert len(recorded.texts) < 1000
    assert sum(map(len, recorded.texts)) < 100_000
    recorded.settle()
    assert same_picture(recorded, f"{86_400 * 2 - 1:>90}")


def test_after_a_line_a_new_bar_is_recorded_each_second_again() -> None:
    recorded = Recorded()
    recorded.write("\rold bar")
    recorded.flush()
    recorded.now += 7200
    recorded.write("\rold bar 100%\n")
    recorded.texts.clear()
    for tick in range(30):
        recorded.write(f"\rnew {tick}")
        recorded.flush()
        recorded.now += 0.1
    assert len(recorded.texts) >= 2


def test_nested_bars_as_tqdm_draws_them_leave_little_and_end_in_the_same_picture() -> None:
    recorded = Recorded()
    written = ""

    def write(text: str) -> None:
        nonlocal written
        written += text
        recorded.write(text)
        recorded.flush()
        recorded.now += 0.01

    for epoch in range(20):
        write(f"\repochs {epoch}")
        for batch in range(50):
            write("\n")
            write(f"\r  batches {batch}")
            write("\x1b[A")
    write("\repochs 20")
    write("\n")
    write("\n")
    write("done\n")
    recorded.settle()
    assert same_picture(recorded, written)
    assert len(recorded.texts) < 60
    assert sum(map(len, recorded.texts)) < len(written) / 10


def test_lines_printed_between_the_drawings_of_a_bar_are_recorded_at_once() -> None:
    recorded = Recorded()
    for n in range(20):
        recorded.write(f"\r\x1b[Kline {n}\n\r{n}%")
        assert f"line {n}" in recorded.texts[-1]
        recorded.write(f"\r{n}.5%")
    recorded.settle()
    lines = "".join(f"line {n}\n" for n in range(20))
    assert same_picture(recorded, lines + "19.5%")


def test_a_line_without_an_end_is_not_held_in_memory() -> None:
    recorded = Recorded()
    for _ in range(10_000):
        recorded.write(".")
    assert len(recorded.texts) == 10_000 // (MAX_HELD_CHARACTERS + 1)
    recorded.settle()
    assert "".join(recorded.texts) == "." * 10_000


def test_a_line_that_is_drawn_over_and_then_only_added_to_is_not_written_again_and_again() -> None:
    recorded = Recorded()
    recorded.write("\rx")
    for _ in range(1000):
        recorded.write(".")
        recorded.now += LEAST_SECONDS
    recorded.settle()
    assert sum(map(len, recorded.texts)) == 1001


def test_whatever_is_written_in_whatever_pieces_ends_in_the_same_picture() -> None:
    source = random.Random(7)
    pieces = [
        *"ab.",
        "word",
        "line\n",
        "\n",
        "\r",
        "\x08",
        "\x1b[A",
        "\x1b[2A",
        "\x1b[K",
        "\x1b[2K",
        "\x1b[31m",
        "\x1b",
        "[0m",
    ]
    for _ in range(300):
        recorded, written = Recorded(), ""
        for _ in range(source.randrange(60)):
            text = "".join(source.choices(pieces, k=source.randrange(1, 5)))
            written += text
            recorded.write(text)
            if source.random() < 0.5:
                recorded.flush()
            recorded.now += source.random()
        recorded.settle()
        assert same_picture(recorded, written), written

"""Console: what the program prints is recorded, and shown as if nobody were looking."""

from __future__ import annotations

import io
import sys
import threading
from pathlib import Path

import pytest

from runstore.core.screen import Screen
from tests.core.test_screen import picture
from tests.sdk.reading import begin, console, fold, only_log, program, records, succeeded


def test_both_streams_are_recorded_and_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = begin()
    print("one", "two")
    print("half", end="")
    print("warning", file=sys.stderr)
    sys.stdout.writelines([" a line\n", "and more"])
    run.finish()
    print("after the end")
    shown = capsys.readouterr()
    assert shown.out == "one two\nhalf a line\nand moreafter the end\n"
    assert shown.err == "warning\n"
    assert console(only_log(folder), "stdout") == ["one two", "half a line", "and more"]
    assert console(only_log(folder), "stderr") == ["warning"]


def test_a_progress_bar_is_one_line(folder: Path) -> None:
    run = begin()
    for percent in range(0, 101, 5):
        sys.stderr.write(f"\r{percent}% done")
    sys.stderr.write("\n")
    run.finish()
    assert console(only_log(folder), "stderr") == ["100% done"]
    assert sum(record.HasField("output_raw") for record in records(only_log(folder))) == 1


def test_what_was_flushed_is_in_the_log_of_a_killed_process(folder: Path) -> None:
    done = program(
        """
        import os, signal, runstore
        runstore.init()
        print("loading ...", end="", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert done.returncode == -9
    assert console(only_log(folder), "stdout") == ["loading ..."]


def test_loggers_and_tees_that_hold_the_stream_are_heard(folder: Path) -> None:
    succeeded(
        program(
            """
            import contextlib, io, logging, sys, runstore
            logging.basicConfig(stream=sys.stderr, format="%(message)s")
            class Tee:
                def __init__(self, stream): self.stream = stream
                def write(self, text): return self.stream.write("> " + text)
                def flush(self): self.stream.flush()
            run = runstore.init()
            logging.warning("from a logger")
            sys.stdout = Tee(sys.stdout)
            sys.stdout.write("through a tee\\n")
            with contextlib.redirect_stdout(io.StringIO()):
                print("not shown")
            """
        )
    )
    assert console(only_log(folder), "stderr") == ["from a logger"]
    assert console(only_log(folder), "stdout") == ["> through a tee"]


def test_one_stream_under_both_names_is_recorded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    run = begin()
    print("once")
    print("twice", file=sys.stderr)
    run.finish()
    assert console(only_log(folder), "stdout") == ["once", "twice"]
    assert console(only_log(folder), "stderr") == []


def test_what_a_signal_handler_prints_in_the_middle_of_a_print_is_recorded(folder: Path) -> None:
    done = program(
        """
        import signal, sys, runstore
        run, seen = runstore.init(), 0
        def handler(number, frame):
            global seen
            sys.stderr.write(f"signal {seen}\\n")
            seen += 1
            if seen < 500:
                signal.setitimer(signal.ITIMER_REAL, 0.0002)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        n = 0
        while seen < 500:
            sys.stderr.write(f"line {n}\\n")
            n += 1
        print(n, seen)
        """,
        PYTHONUNBUFFERED="1",  # a buffered stream of Python's refuses to be entered twice
    )
    n, seen = map(int, succeeded(done).split())
    lines = console(only_log(folder), "stderr")
    assert [line for line in lines if line.startswith("signal")] == [f"signal {k}" for k in range(seen)]
    assert [line for line in lines if line.startswith("line")] == [f"line {k}" for k in range(n)]


def test_a_write_of_many_megabytes_is_recorded_whole(folder: Path) -> None:
    stream = io.StringIO()
    before, sys.stdout = sys.stdout, stream
    try:
        run = begin()
        print("x" * (5 << 20))
        run.finish()
    finally:
        sys.stdout = before
    recorded = [record.output_raw.line for record in records(only_log(folder)) if record.HasField("output_raw")]
    assert "".join(recorded) == stream.getvalue()
    assert max(map(len, recorded)) <= 1 << 20


@pytest.mark.parametrize("mode", ["auto", "wrap", "off"])
def test_modes(folder: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("WANDB_CONSOLE", mode)
    with begin():
        print("printed")
    assert console(only_log(folder), "stdout") == (["printed"] if mode != "off" else [])


def test_stock_tools_emulators_see_the_lines_of_nested_bars(folder: Path) -> None:
    stream = io.StringIO()
    before, sys.stderr = sys.stderr, stream
    try:
        run = begin()
        for outer in range(5):
            stream.write(f"\router {outer}")
            for inner in range(50):
                stream.write(f"\n\r  inner {inner}\x1b[A")
                stream.flush()
        stream.write("\n\nend\n")
        run.finish()
    finally:
        sys.stderr = before
    recorded = [record.output_raw.line for record in records(only_log(folder)) if record.HasField("output_raw")]
    screen = Screen()
    screen.feed("".join(recorded))
    assert picture(screen) == ["outer 4", "  inner 49", "end"]
    assert len(recorded) < 10


def test_a_line_that_never_ends_is_recorded_in_pieces(folder: Path) -> None:
    run = begin()
    for _ in range(1000):
        sys.stdout.write("." * 10)
    log = only_log(folder)
    assert len(console(log, "stdout")[0]) > 4000
    run.finish()
    assert console(log, "stdout") == ["." * 10_000]


def test_lines_of_many_threads_are_all_there(folder: Path) -> None:
    run = begin()

    def work(name: int) -> None:
        for n in range(100):
            sys.stdout.write(f"{name}:{n}\n")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    assert sorted(console(only_log(folder), "stdout")) == sorted(f"{a}:{n}" for a in range(4) for n in range(100))


def test_text_that_no_file_can_hold_is_shown_and_recorded_with_question_marks(folder: Path) -> None:
    stream = io.StringIO()
    before, sys.stdout = sys.stdout, stream
    try:
        run = begin()
        print("a \udc80 b")
        run.finish()
    finally:
        sys.stdout = before
    assert stream.getvalue() == "a \udc80 b\n"
    assert console(only_log(folder), "stdout") == ["a ? b"]


def test_console_off_records_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_CONSOLE", "off")
    write = sys.stdout.write
    with begin():
        print("not recorded")
        assert sys.stdout.write == write
    assert console(only_log(folder), "stdout") == []


def test_the_stream_is_left_as_it_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    begin().finish()
    assert "write" not in vars(stream)
    somebody_elses = vars(stream)["write"] = lambda text: io.StringIO.write(stream, text.upper())
    begin().finish()
    assert vars(stream)["write"] is somebody_elses


def test_who_wrapped_the_stream_after_us_keeps_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    run = begin()
    ours = stream.write

    def later(text: str) -> int:
        return ours(f"[{text}]")

    monkeypatch.setattr(stream, "write", later)
    sys.stdout.write("a")
    run.finish()
    sys.stdout.write("b")
    assert vars(stream)["write"] is later
    assert stream.getvalue() == "[a][b]"
    assert console(only_log(folder), "stdout") == ["[a]"]


class Slotted:
    """A stream that takes no attributes."""

    __slots__ = ("text",)

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("stream", [None, Slotted()])
def test_streams_that_cant_be_wrapped_stay_as_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch, stream: Slotted | None
) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    run = begin()
    print("into nothing")
    run.log({"a": 1})
    run.log({"a": 1}, step=0)
    run.finish()
    assert fold(only_log(folder)).facts.exit_code == 0


@pytest.mark.parametrize("close", ["sys.stdout.close(); sys.stderr.close()", "os.close(1); os.close(2)"])
def test_a_program_that_closes_its_terminal_trains_on(folder: Path, close: str) -> None:
    done = program(
        f"""
        import os, sys, runstore
        runstore.init()
        {close}
        for n in range(3):
            runstore.log({{"a": n}})
        runstore.log({{"a": 9}}, step=0)
        """
    )
    # Python itself ends with 120 where it can't flush what it was given.
    assert done.returncode in (0, 120), done.stderr
    folded = fold(only_log(folder))
    assert (folded.facts.exit_code, folded.last_step) == (0, 2)


def test_an_uncaught_exceptions_traceback_is_recorded(folder: Path) -> None:
    done = program(
        """
        import runstore
        runstore.init()
        def fail():
            raise ValueError("the reason")
        fail()
        """
    )
    assert done.returncode == 1
    lines = console(only_log(folder), "stderr")
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: the reason"
    assert any("fail" in line for line in lines)
    assert done.stderr.count("ValueError: the reason") == 1


def test_the_traceback_of_a_with_block_is_recorded_once_and_shown_once(folder: Path) -> None:
    done = program(
        """
        import runstore
        with runstore.init() as run:
            run.log({"a": 1})
            raise ValueError("the reason")
        """
    )
    assert done.returncode == 1
    assert done.stderr.count("ValueError: the reason") == 1
    assert console(only_log(folder), "stderr").count("ValueError: the reason") == 1


def test_messages_of_our_own_are_not_the_programs(folder: Path) -> None:
    done = program(
        """
        import runstore
        with runstore.init() as run:
            run.log({"a": 1}, step=5)
            run.log({"a": 1}, step=1)
        """
    )
    assert succeeded(done) == ""
    assert done.stderr.count("runstore: ") == 3
    assert console(only_log(folder), "stderr") == []
    silent = program("import runstore; runstore.init().finish()", WANDB_SILENT="true")
    assert silent.stderr == ""

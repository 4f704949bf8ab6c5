"""Saved files, alerts, marks, and what is written to the console."""

import datetime
import logging
import pathlib
import subprocess
import sys
import threading
import warnings
from typing import Any

import wandb


def _run(run_id: str) -> Any:
    return wandb.init(project="differential", id=run_id)


def saved() -> list[object]:
    run = _run("saved")
    here = pathlib.Path.cwd()
    seen = [
        run.save("data/a.txt"),
        run.save("data/b.bin", policy="now"),
        run.save(str(here / "data" / "below" / "c.txt"), base_path=str(here), policy="end"),
    ]
    return [[pathlib.Path(path).relative_to(run.dir).as_posix() for path in paths] for paths in seen]


def saved_by_pattern() -> object:
    run = _run("saved_by_pattern")
    paths = run.save("data/*.*", policy="now")
    return sorted(pathlib.Path(path).relative_to(run.dir).as_posix() for path in paths)


def saved_from_outside() -> object:
    run = _run("saved_from_outside")
    paths = run.save(str(pathlib.Path("data/a.txt").absolute()), policy="now")
    return [pathlib.Path(path).relative_to(run.dir).as_posix() for path in paths]


def saved_below_a_base() -> object:
    run = _run("saved_below_a_base")
    paths = run.save("data/below/*.txt", base_path="data", policy="now")
    return [pathlib.Path(path).relative_to(run.dir).as_posix() for path in paths]


def saved_what_is_not_there() -> object:
    return _run("saved_what_is_not_there").save("data/nothing*.txt")


def put_into_the_folder() -> None:
    run = _run("put_into_the_folder")
    pathlib.Path(run.dir, "own.txt").write_text("put there\n")


def saved_in_the_folder() -> None:
    run = _run("saved_in_the_folder")
    own = pathlib.Path(run.dir, "own.txt")
    own.write_text("put there\n")
    run.save(str(own), policy="now")


def save_refused() -> list[object]:
    run = _run("save_refused")
    raised: list[object] = []
    for use in (
        lambda: run.save("data/a.txt", policy="odd"),
        lambda: run.save("../*"),
        lambda: run.save("data/a.txt", base_path="data/below"),
        lambda: run.save("s3://bucket/key"),
        lambda: run.save(5),
        lambda: run.save(b"data/a.txt", policy="now"),
        lambda: run.save("/"),
    ):
        try:
            use()
            raised.append("nothing")
        except Exception as error:
            raised.append(type(error))
    return raised


def alerts() -> list[object]:
    run = _run("alerts")
    run.alert("plain", "of the first kind")
    run.alert("warned", "text ü", level="WARN")
    run.alert("error", "text", level="ERROR", wait_duration=300)
    run.alert("delta", "text", level=wandb.AlertLevel.INFO, wait_duration=datetime.timedelta(minutes=2))
    run.alert(title="none", text="", wait_duration=0)
    wandb.alert("by module", "text", "INFO", 1.5)
    raised: list[object] = []
    for arguments in ({"level": "ODD"}, {"wait_duration": "long"}, {"level": 5}):
        try:
            run.alert("refused", "text", **arguments)
            raised.append("nothing")
        except Exception as error:
            raised.append(type(error))
    return raised


def preempting() -> None:
    run = _run("preempting")
    run.mark_preempting()
    wandb.mark_preempting()


def written_logs() -> None:
    run = _run("written_logs")
    run.write_logs("one line")
    run.write_logs("with its end\n")
    run.write_logs("two\nlines ü\n")


def printed() -> None:
    _run("printed")
    print("to stdout")
    print("to stderr", file=sys.stderr)
    print("a part", end="")
    print(" and its end")
    print("ünïcode \x1b[31mred\x1b[0m plain")
    print("  indented\ttabbed")
    print()
    print("behind an empty line")
    print("two\nlines")
    sys.stdout.write("without its end")


def progress() -> None:
    _run("progress")
    for percent in range(0, 101, 10):
        sys.stdout.write(f"\rprogress {percent}%")
        sys.stdout.flush()
    print()
    sys.stderr.write("long text that\rshort\n")
    sys.stdout.write("abc\b\bX\n")
    sys.stdout.write("a line\x1b[2K\rcleared\n")
    sys.stdout.write("crlf\r\nnext\r\n")


def moving_up() -> None:
    _run("moving_up")
    sys.stderr.write("first bar\nsecond bar\n")
    sys.stderr.write("\x1b[2A\rFIRST\n\n")
    sys.stderr.write("the end\n")


def logged_by_logging() -> None:
    handler = logging.StreamHandler(sys.stderr)
    _run("logged_by_logging")
    logger = logging.Logger("own")
    logger.addHandler(handler)
    logger.warning("a warning")
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.error("twice")
    warnings.warn_explicit("by warnings", UserWarning, "file.py", 1)


def threads() -> None:
    _run("threads")
    started = [threading.Thread(target=print, args=(f"thread {number}",)) for number in range(3)]
    for thread in started:
        thread.start()
        thread.join()


def child_process() -> None:
    _run("child_process")
    subprocess.run([sys.executable, "-c", "print('of a child')"], check=True)
    print("of the parent")


def without_console() -> None:
    wandb.init(project="differential", id="without_console", settings=wandb.Settings(console="off"))
    print("unrecorded")


def before_and_after() -> None:
    print("before the run")
    _run("before_and_after")
    print("in the run")
    wandb.finish()
    print("after the run")

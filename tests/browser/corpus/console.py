"""Print more than a screen can hold: colours, a progress bar, errors, and what a terminal would obey."""

import sys

import runstore

with runstore.init(project="console", id="talks", name="talks a lot") as run:
    print("\x1b[31mred words\x1b[0m and \x1b[1;32mbold green ones\x1b[0m")
    print("<img src=x onerror=window.hacked=1> is text \x1b]0;a title\x07\x1b[2Jand nothing was erased")
    print("something went wrong", file=sys.stderr)
    for n in range(5000):
        print(f"line {n:04} of five thousand")
    for n in range(0, 101, 10):
        print(f"\rprogress {n}%", end="")
    print()
    print("the last line")
    run.log({"loss": 1.0})

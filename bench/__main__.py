"""Run the benchmarks: `python -m bench`, or `make bench`.

Every figure is a median of processes that took turns with those of the peer, within this one run, so that the ratios
hold where the times drift. A section is a module with `measure(bench) -> list[Row]`; add it to SECTIONS.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench import (
    artifacts,
    bundles,
    daemon,
    delivery,
    lightning,
    logcalls,
    machine,
    manyruns,
    queryable,
    reading,
    series,
    startup,
    steps,
    ui,
    values,
    wandbserver,
)
from bench.rows import Bench, Row, as_markdown, as_text

SECTIONS = {
    "log": logcalls,
    "values": values,
    "startup": startup,
    "steps": steps,
    "lightning": lightning,
    "queryable": queryable,
    "series": series,
    "reading": reading,
    "manyruns": manyruns,
    "delivery": delivery,
    "daemon": daemon,
    "artifacts": artifacts,
    "bundles": bundles,
    "wandb": wandbserver,
    "ui": ui,
}


def main() -> None:
    """Measure, and print the table; with --markdown as docs/benchmarks.md has it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure ratios against peers and limits.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"any of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, for a first look")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="runstore-bench-") as folder:
        bench = Bench(Path(folder), arguments.quick)
        where = machine.description(bench.folder)
        for name in arguments.sections or SECTIONS:
            began = time.monotonic()
            rows += SECTIONS[name].measure(bench)
            print(f"{name}: measured in {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(f"{where}\n\n{as_markdown(rows) if arguments.markdown else as_text(rows)}")


if __name__ == "__main__":
    main()

"""A training loop of a few seconds: a line fitted by gradient descent, with nothing but runstore."""

from __future__ import annotations

import argparse
import random
import time

import runstore


def main() -> None:
    """Fit y = 3 x + 1 from noisy points, logging each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="line")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seconds-per-step", type=float, default=0.01)
    arguments = parser.parse_args()
    source = random.Random(0)
    points = [(x, 3 * x + 1 + source.gauss(0, 0.1)) for x in (source.uniform(-1, 1) for _ in range(64))]
    slope = offset = 0.0
    with runstore.init(project="demo", name=arguments.name, config=vars(arguments)) as run:
        for step in range(arguments.steps):
            errors = [slope * x + offset - y for x, y in points]
            slope -= arguments.lr * sum(e * x for e, (x, _) in zip(errors, points, strict=True)) / len(points)
            offset -= arguments.lr * sum(errors) / len(points)
            run.log({"loss": sum(e * e for e in errors) / len(points), "slope": slope, "offset": offset})
            if step % 50 == 0:
                print(f"step {step}: y = {slope:.3f} x + {offset:.3f}")
            time.sleep(arguments.seconds_per_step)


if __name__ == "__main__":
    main()

"""A million steps, of which a single one is a spike; and a noisy warm-up ramp, to be smoothed."""

import math

import runstore

STEPS, SPIKE_AT = 1_000_000, 777_777

with runstore.init(project="long", id="spike", name="a million steps") as run:
    for step in range(STEPS):
        run.log({"loss": 1000.0 if step == SPIKE_AT else 1 / (1 + step * 1e-5) + 0.01 * math.sin(step / 50)})

with runstore.init(project="long", id="ramp", name="a ramp") as run:
    for step in range(20_000):
        run.log({"ramp": min(1.0, step / 500) + 0.2 * math.sin(step * 12.9898) * math.cos(step * 78.233)})

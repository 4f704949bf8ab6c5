"""A run that trains while a test looks on: it logs each number that it is told, and says so when that has returned."""

import sys

import runstore

run = runstore.init(project=sys.argv[2], id=sys.argv[1], name="training now", config={"lr": 0.1})
step = 0
for line in sys.stdin:
    for _ in range(int(line)):
        run.log({"loss": 1 / (1 + step)})
        step += 1
    print(f"step {step}")
    run.log({"loss": 1 / (1 + step)})
    step += 1
    sys.__stdout__.write("logged\n")
    sys.__stdout__.flush()
run.finish()

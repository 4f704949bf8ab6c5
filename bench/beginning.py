"""How long a program waits until it can log: a program of its own, like bench/child.py, that has imported nothing."""

import time


def begin(library: str) -> None:
    """Import, init with the defaults, finish; print the milliseconds of each."""
    times = [time.perf_counter()]
    module = __import__(library)
    times.append(time.perf_counter())
    run = module.init(project="bench")
    times.append(time.perf_counter())
    run.finish()
    times.append(time.perf_counter())
    imported, begun, finished = ((times[n + 1] - times[n]) * 1e3 for n in range(3))
    print(f'{{"import": {imported}, "init": {begun}, "finish": {finished}}}')
    if library == "wandb":
        module.teardown()

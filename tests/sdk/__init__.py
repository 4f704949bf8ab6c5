"""The training process: what a program may do to a run, and what is in the log after it."""

"""Measure runstore beside its peers and beside what the machine can do at best: `python -m bench`."""

"""Metrics of many runs in one chart: on a common grid, by any x axis, with what an average would hide."""

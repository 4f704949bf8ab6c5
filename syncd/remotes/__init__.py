"""Targets of delivery: `base` is the whole contract, every other module is one target."""

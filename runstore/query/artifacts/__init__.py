"""Artifacts of all runs that the index knows: their names, what they hold, where their bytes are."""

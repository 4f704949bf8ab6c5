"""Deliver whole runs, made of their logs and of what the index knows, to targets that take no logs."""

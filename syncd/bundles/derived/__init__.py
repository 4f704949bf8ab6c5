"""Logs made for a transfer out of others, from which something is left out: what, where, and how it is told."""

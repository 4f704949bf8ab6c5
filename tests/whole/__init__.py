"""Tests of the whole line: train, daemon, hub, and reading back."""

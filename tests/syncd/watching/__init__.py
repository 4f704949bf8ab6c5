"""Tests of how changes are noticed."""

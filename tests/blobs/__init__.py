"""Tests of the store of artifacts' bytes."""

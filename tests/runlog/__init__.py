"""Tests of the file: framing, writer, readers."""

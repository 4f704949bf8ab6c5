"""The file: framing, records, and how a log is written and read."""

"""Which runs are meant: conditions on runs, asked of the index and of Python."""

"""The index: run logs folded into SQLite, disposable at any time."""

"""The training process: what user code calls. No SQLite, no network."""

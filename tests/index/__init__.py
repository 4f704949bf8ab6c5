"""Logs into SQLite: whatever is logged, whoever is killed."""

"""Runs and their history, asked for."""

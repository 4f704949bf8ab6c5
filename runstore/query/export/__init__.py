"""Runs as files of other tools: Parquet, CSV, JSON lines, TensorBoard."""

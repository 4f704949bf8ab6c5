"""What builds runstore; nothing of it is installed."""

"""Whole deliveries of runs to a W&B server, from logs on the disk to what the server holds in the end."""

"""What a server is told of a run, made of its logs and of what the index knows; asks no server, and keeps nothing."""

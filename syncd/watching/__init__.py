"""Noticing which run logs may have changed: see `watcher`."""

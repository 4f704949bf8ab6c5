"""Runs that are carried by hand: round trips, hostile bundles, kills, and sticks in trouble."""

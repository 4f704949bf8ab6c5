"""Runs carried by hand: files that hold them, proof of what is in them, and the receipt that comes back."""

"""Artifacts: bytes with a name and a manifest, as a run writes them."""

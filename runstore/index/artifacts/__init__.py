"""Artifacts in the index: what logs say of them, and the collections, versions and aliases that this makes."""

"""Bring into run directories what stock tools leave outside: the bytes of artifacts, and files that were saved."""

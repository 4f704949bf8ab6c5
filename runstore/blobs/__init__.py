"""Bytes of artifacts, each content once, under the digest that it has."""

"""Tests of delivery: digests, the hub's storage and protocol, and shipping over real HTTP."""

"""A W&B server for tests: strict about what it is sent, independent of what sends it, and able to fail on request.

A newcomer's order: server.py (what tests see), state.py (what two deliveries are compared by), faults.py, holds.py and
drift.py (how it goes wrong), schema.graphql and the operations, filestream.py, uploads.py, wire.py.
"""

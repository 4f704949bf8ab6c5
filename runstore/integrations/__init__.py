"""Callbacks and loggers for other libraries, each loaded with the library that it is for.

They have the names, arguments and keys of those that live inside W&B's library, and record into the current run.
"""

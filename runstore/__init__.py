"""Keep the record of machine-learning training runs on local disk first, and deliver it later."""

__version__ = "0.1.0"

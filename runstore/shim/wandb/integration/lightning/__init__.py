"""Lightning's loggers that W&B's library has."""

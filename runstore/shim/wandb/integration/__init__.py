"""What lives inside W&B's library for others to use; each is in `runstore.integrations`."""

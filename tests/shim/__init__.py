"""runstore under the name of wandb, in programs of their own."""

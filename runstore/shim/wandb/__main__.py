"""`python -m wandb`: the commands of W&B's that make sense here, done by runstore."""

from __future__ import annotations

from runstore.cli.as_wandb import main as main

if __name__ == "__main__":
    main()

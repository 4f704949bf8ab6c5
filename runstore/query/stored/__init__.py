"""A stored run and all that belongs to it, in the shapes of W&B's public Api; some of it can be changed."""

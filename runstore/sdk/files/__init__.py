"""Files that travel with a run: what is saved, what is brought back, and how their bytes are copied."""

"""Media of stored runs: which keys hold some, at which steps, and where the bytes lie."""

"""Training programs, as users write them; tests/browser/corpora.py runs each in a process of its own."""

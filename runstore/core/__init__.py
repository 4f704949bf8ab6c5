"""What records mean: pure values and folds, no I/O."""

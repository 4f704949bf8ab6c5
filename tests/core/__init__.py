"""What records mean: folds, stitching, the terminal."""

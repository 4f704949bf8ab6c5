"""What the index does for itself: it is made anew, checked against the logs, measured, and says what happened to it."""

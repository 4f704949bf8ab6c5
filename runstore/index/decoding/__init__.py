"""From records to columns: the rows of a log, whatever their shape, decoded many at a time."""

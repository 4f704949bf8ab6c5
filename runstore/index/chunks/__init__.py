"""The points of a series as the database keeps them: gathered, packed, summed up."""

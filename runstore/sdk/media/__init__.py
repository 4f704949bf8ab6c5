"""Values of a row that are more than JSON: images, tables, audio and the like."""

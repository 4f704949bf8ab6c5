"""Reading runs back: the public Api over the index."""

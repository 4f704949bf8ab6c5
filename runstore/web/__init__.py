"""Look at runs in a browser: a JSON API over the index, and the pages that are built from `front/`."""

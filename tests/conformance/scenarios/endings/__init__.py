"""Programs that end without `finish`, each in its own way. Each makes one run, whose id is the file's name."""

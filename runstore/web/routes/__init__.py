"""What the JSON API answers, one module for each thing that pages show."""

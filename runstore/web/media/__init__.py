"""Media as pages show them: values of a history, and cells of tables, made into what a browser draws."""

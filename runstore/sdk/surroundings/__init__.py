"""What a run was made with: packages, repository, program, machine, notebook."""

"""`python -m runstore` is the command `runstore`."""

from runstore.cli.main import main

main()

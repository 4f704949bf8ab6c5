"""What a program writes to its terminal, recorded beside letting it through."""
